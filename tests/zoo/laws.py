"""What is asked of one wrapped model, and how it answered.

Nothing here asks mechwidget where a part of the model is: output projections are recognised by
the names that transformers gives them, heads are counted from the config, patterns are compared
with `output_attentions` of the model's own eager attention.

In: a family and a model type. Out: a `Visit`, plain numbers and words, ready for JSON.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

import mechwidget as mw
from mechwidget.errors import UnsupportedModelError
from mechwidget.models.bindings import heads_of
from mechwidget.models.ledger import Block, Place
from tests.models.state import state_of
from tests.random_weights import example
from tests.zoo.build import build
from tests.zoo.own import Prompt, attentions, logits, prompt_of

_W_O = re.compile(
    r"(?i)\b(o_proj|out_proj|out_lin|c_proj|dense|wo|project_o|o|proj|linear_out|out|projection"
    r"|attn_out|post_proj|output)(\.linear)?$"
)
_HEADS = (
    *("num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads"),
    *("encoder_attention_heads", "decoder_num_attention_heads", "encoder_num_attention_heads"),
    *(
        "speech_encoder_attention_heads",
        "attention_heads",
        "num_encoder_attention_heads",
        "num_decoder_attention_heads",
    ),
)
_STREAM = ("resid_pre", "resid_mid", "resid_post", "attn_out", "cross_attn_out", "mlp_out")
_ENTERED = ("resid_mid", "mlp_in")  # what some module of the model's own was given
_ROUNDING = 2e-4


@dataclass
class Visit:
    """One line of the table.

    Attributes:
        kind: the model type.
        refused: why `wrap` would not take it; "" when it did.
        stacks: their names, number of blocks and which way they attend.
        layers: the number of blocks.
        heads, neurons: per layer.
        writes: per layer, a letter for each write (a, m, o), "·" where no projection is known.
        additive: in how many layers out = in + the writes.
        named: whether every write is: made by a known module, no kind twice, and where attention
            ran it has heads.
        sites: how many there are.
        laws: what was checked, and how far off it was; 0 is bit for bit.
        broken: the laws that do not hold.
        notes: what mechwidget says about the model.
    """

    kind: str
    family: str = "causal"
    refused: str = ""
    stacks: list[str] = field(default_factory=list)
    layers: int = 0
    heads: list[int] = field(default_factory=list)
    neurons: list[int] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    additive: int = 0
    named: bool = False
    sites: int = 0
    laws: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def hold(self, law: str, distance: float, room: float) -> None:
        """Note how far off `law` was; the furthest of several layers counts."""
        self.laws[law] = max(distance, self.laws.get(law, 0.0))
        if not distance <= room and law not in self.broken:
            self.broken.append(law)


@torch.no_grad()
def visit(kind: str, family: str = "causal") -> Visit:
    """Build a model of that type, wrap it and hold it to every law that applies."""
    model, other = build(kind, family), build(kind, family)
    found, before = Visit(kind, family), state_of(model)
    try:
        hooked = mw.wrap(model)
    except UnsupportedModelError as error:
        found.refused = str(error).splitlines()[0]
    else:
        prompt = example() if family == "causal" else prompt_of(hooked)
        own = logits(other, prompt)
        _describe(found, hooked)
        found.hold("no edit", _far(hooked.run(prompt).logits, own), 0.0)
        _surgery(found, hooked, other, prompt)
        _written(found, hooked, other, prompt)
        _patterns(found, hooked, own, prompt)
        _replayed(found, hooked, prompt)
        _norms(found, hooked, own, prompt)
        _experts(found, hooked, own, prompt)
        _reach(found, hooked, prompt)
    found.hold("untouched", float(state_of(model) != before), 0.0)
    return found


def _describe(found: Visit, hooked: mw.HookedModel) -> None:
    found.layers, found.sites = hooked.n_layers, len(hooked.sites)
    found.stacks = [f"{s.name} {s.n_layers} {s.attends}" for s in hooked.stacks]
    found.heads = [hooked.n_heads(i) for i in range(hooked.n_layers)]
    found.neurons = [hooked.n_neurons(i) for i in range(hooked.n_layers)]
    found.notes = list(hooked.notes)
    found.additive = sum(block.additive for block in hooked.ledger.blocks)
    found.named = all(_is_named(block) for block in hooked.ledger.blocks)
    for block in hooked.ledger.blocks:
        letters = (
            ("x" if w.kind == "cross" else w.kind[0])
            + ("" if w.projection or w.at is None else "·")
            for w in block.writes
        )
        found.writes.append("".join(letters))


def _is_named(block: Block) -> bool:
    kinds = [write.kind for write in block.writes]
    known = all(
        w.kind == "bias" or (w.at is not None and (w.kind != "other" or w.projection))
        for w in block.writes
    )
    heads = heads_of(block) > 0 or "attention" not in kinds
    crossing = heads_of(block, cross=True) > 0 or "cross" not in kinds
    return bool(kinds) and known and heads and crossing


def _surgery(found: Visit, hooked: mw.HookedModel, model: nn.Module, prompt: Prompt) -> None:
    """A head ablated is its columns of W_O zeroed; an MLP ablated writes nothing."""
    counts = _configured_heads(model.config)
    both = [(layer, cross) for layer in range(found.layers) for cross in (False, True)]
    for layer, cross in both:
        heads = hooked.n_heads(layer, cross=cross)
        if heads:
            write = hooked.ledger.blocks[layer].write("cross" if cross else "attention")
            place, law = write.projection, "cross head" if cross else "head"
            named = _W_O.search(place.module) is not None
            found.hold("W_O by name", 0.0 if named else 1.0, 0.0)
            run = hooked.run(prompt, [mw.Ablate(mw.Head(layer, heads - 1, cross=cross))])
            operated = _without(model, place, heads - 1, heads, prompt)
            found.hold(law, _far(run.logits, operated), 1e-6 * _size(operated))
            known = not counts or heads in counts
            found.hold("heads as configured", 0.0 if known else 1.0, 0.0)
            found.hold(f"{law} matters", 0.0 if run.fired[0].change > 0 else 1.0, 0.0)
    for layer, neurons in enumerate(found.neurons):
        if neurons:
            place = hooked.ledger.blocks[layer].write("mlp").projection
            run = hooked.run(prompt, [mw.Ablate(mw.Neuron(layer, neurons - 1))])
            operated = _without(model, place, neurons - 1, neurons, prompt)
            found.hold("neuron", _far(run.logits, operated), 1e-6 * _size(operated))


def _configured_heads(config: Any) -> set[int]:
    parts = list(_parts(config.to_dict()))
    counts = (part.get(name) for part in parts for name in _HEADS)
    several = (c if isinstance(c, list) else [c] for c in counts)
    return {count for some in several for count in some if isinstance(count, int)}


def _parts(fields: Any) -> Iterator[dict[str, Any]]:
    """A config and every config in it."""
    if isinstance(fields, dict):
        yield fields
    for value in fields.values() if isinstance(fields, dict) else fields:
        if isinstance(value, (dict, list)):
            yield from _parts(value)


def _without(model: nn.Module, place: Place, index: int, of: int, prompt: Prompt) -> torch.Tensor:
    """The logits of a copy in which one of `of` shares of a linear map's input is nothing.

    Its columns of the weight are zeroed where it is a plain linear map that runs once; elsewhere
    a plain hook zeroes the share.
    """
    other, calls = copy.deepcopy(model), iter(range(10**6))

    def zero(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if next(calls) != place.nth:
            return None
        x = args[0].clone()
        width = x.shape[-1] // of
        x[..., index * width : (index + 1) * width] = 0
        return (x, *args[1:])

    linear = other.get_submodule(place.module)
    if type(linear) is nn.Linear and _called_once(other, place.module, prompt):
        width = linear.weight.shape[1] // of
        linear.weight[:, index * width : (index + 1) * width] = 0
    else:
        linear.register_forward_pre_hook(zero)
    return logits(other, prompt)


def _called_once(model: nn.Module, name: str, prompt: Prompt) -> bool:
    calls: list[int] = []
    handle = model.get_submodule(name).register_forward_hook(lambda *_: calls.append(1))
    logits(model, prompt)
    handle.remove()
    return len(calls) == 1


def _written(found: Visit, hooked: mw.HookedModel, model: nn.Module, prompt: Prompt) -> None:
    """What is read is what flowed: out = in + writes; a zeroed MLP writes zero."""
    outs = [s for s in hooked.sites if s.name in (*_STREAM, *_ENTERED)]
    read = hooked.run(prompt, read=outs).read
    entered = _inputs(model, prompt) if any(s.name in _ENTERED for s in outs) else []
    for layer, block in enumerate(hooked.ledger.blocks):
        here = {s.name: read[s] for s in outs if s.layer == layer}
        writes = [here[name] for name in ("attn_out", "cross_attn_out", "mlp_out") if name in here]
        if block.additive and len(writes) == len(block.writes):
            total = here["resid_pre"] + sum(writes)
            room = _ROUNDING * _size(here["resid_post"])
            found.hold("out = in + writes", _far(total, here["resid_post"]), room)
        for name in (name for name in _ENTERED if name in here):
            nearest = min(_far(here[name], x) for x in entered if x.shape == here[name].shape)
            found.hold(f"{name} is read", nearest, 1e-5 * _size(here[name]))
        if "attn_out" in here:
            off = hooked.run(prompt, [mw.Ablate(mw.Attention(layer))], read=[("attn_out", layer)])
            found.hold("attention off", float(off.read["attn_out", layer].abs().max()), 0.0)
            found.hold("attention matters", 0.0 if off.fired[0].change > 0 else 1.0, 0.0)
        if "mlp_out" in here:
            off = hooked.run(prompt, [mw.Ablate(mw.MLP(layer))], read=[("mlp_out", layer)])
            found.hold("MLP off", float(off.read["mlp_out", layer].abs().max()), 0.0)
            found.hold("MLP matters", 0.0 if off.fired[0].change > 0 else 1.0, 0.0)


def _inputs(model: nn.Module, prompt: Prompt) -> list[torch.Tensor]:
    """Everything that any module of the model is given, as `[1, pos, d]` where it can be."""
    seen: list[torch.Tensor] = []

    def note(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = (x for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor))
        seen.extend(x.reshape(1, -1, x.shape[-1]) for x in given if x.is_floating_point())

    handles = [m.register_forward_pre_hook(note, with_kwargs=True) for m in model.modules()]
    logits(model, prompt)
    for handle in handles:
        handle.remove()
    return seen


def _patterns(found: Visit, hooked: mw.HookedModel, own: torch.Tensor, prompt: Prompt) -> None:
    """Patterns are causal where the stack is, sum to 1 (less beside a sink), and are its own."""
    patterns = [site for site in hooked.sites if site.name in ("pattern", "cross_pattern")]
    if not patterns:
        return
    run = hooked.run(prompt, read=patterns)
    found.hold("explicit attention", _far(run.logits, own), _ROUNDING * _size(own))
    theirs = _own_attentions(found, own, prompt)
    for site in patterns:
        pattern, stack = run.read[site].float(), hooked.stack_of(site.layer)
        cross = site.name == "cross_pattern"
        n = hooked.n_positions(run.tokens, site.layer)
        found.hold("queries are positions", float(pattern.shape[-2] != n), 0.0)
        if not cross and stack.attends == "backwards":
            found.hold("causal", float(pattern.triu(1).abs().max()), 0.0)
        block = hooked.ledger.blocks[site.layer]
        sums, sink = pattern.sum(-1, keepdim=True), (block.cross if cross else block.attention).sink
        over = (sums - 1).clamp(min=0) if sink else (sums - 1).abs()
        found.hold("rows sum to 1", float(over.max()), 1e-4)
        group = theirs.get(f"cross {stack.name}" if cross else stack.name, [])
        layers = [s.layer for s in patterns if s.name == site.name and s.layer in stack.layers]
        at = layers.index(site.layer)
        if len(group) == len(layers) and group[at].shape == pattern.shape:
            reference = group[at].float()
            if (reference == reference[:, :1]).all():  # some report the mean over heads
                pattern = pattern.mean(1, keepdim=True).expand_as(pattern)
            if sink:  # some models report the rows beside a sink normalised, some do not
                pattern, reference = pattern / sums, reference / reference.sum(-1, keepdim=True)
            found.hold("as output_attentions", _far(pattern, reference), 1e-3)


def _norms(found: Visit, hooked: mw.HookedModel, own: torch.Tensor, prompt: Prompt) -> None:
    """Divisors can be read and, frozen while nothing changes, change no bit; or are refused."""
    scales = [site for site in hooked.sites if site.name.endswith("_scale")]
    if not scales:
        return
    try:
        run = hooked.run(prompt, [mw.Freeze("norm")], read=scales)
    except UnsupportedModelError as error:
        found.notes.append(str(error).splitlines()[0])
        return
    found.hold("norms frozen", _far(run.logits, own), 0.0)
    positive = min(float(run.read[site].min()) for site in scales) > 0
    found.hold("norms divide", 0.0 if positive else 1.0, 0.0)


def _experts(found: Visit, hooked: mw.HookedModel, own: torch.Tensor, prompt: Prompt) -> None:
    """The experts are the model's own, and a neuron of one of them matters where it was used."""
    layer = next((n for n in range(hooked.n_layers) if hooked.n_experts(n)), None)
    if layer is None:
        return
    run = hooked.run(prompt, read=[("experts", layer), ("expert_post", layer)])
    found.hold("explicit experts", _far(run.logits, own), _ROUNDING * _size(own))
    expert = int(run.read["experts", layer][0, 0, 0])
    held = run.read["expert_post", layer][0, :, expert]
    neuron = int(held.abs().amax(0).argmax())
    edited = hooked.run(prompt, [mw.Ablate(mw.ExpertNeuron(layer, expert, neuron))])
    found.hold("expert matters", 0.0 if _far(edited.logits, run.logits) > 0 else 1.0, 0.0)


_LONG_ENOUGH = 8  # positions, for an edit at the eighth


def _reach(found: Visit, hooked: mw.HookedModel, prompt: Prompt) -> None:
    """What is said not to be in the logits looked at is not in them."""
    last = hooked.n_layers - 1
    if hooked.ledger.pooled or len(hooked.tokenize(prompt)) < _LONG_ENOUGH:
        return
    parts: list[Any] = [mw.Residual(last, [4], "post"), mw.Residual(last, [4]), mw.Residual(0, [7])]
    parts += [mw.Head(last, 0, [4])] if hooked.n_heads(last) else []
    parts += [mw.Attention(last, [4])] if hooked.has_attention(last) else []
    parts += [mw.MLP(last, [4])] if hooked.has_mlp(last) else []
    for looked in ([6], [2]):
        plain = hooked.run(prompt, positions=looked, replay=False)
        for part in parts:
            edit = mw.SetValue(part, 2.0)
            run = hooked.run(prompt, [edit], positions=looked, replay=False)
            if run.fired[0].reason and run.fired[0].change:
                room = _ROUNDING * _size(plain.logits)  # experts batch tokens together
                found.hold("reach", _far(run.logits, plain.logits), room)


def _own_attentions(
    found: Visit, own: torch.Tensor, prompt: Prompt
) -> dict[str, list[torch.Tensor]]:
    """`output_attentions` of the model built as eager; {} where transformers offers none."""
    try:
        eager = build(found.kind, found.family, attention="eager")
        if _far(logits(eager, prompt), own) > _ROUNDING * _size(own):
            return {}
        return attentions(eager, prompt)
    except (AttributeError, TypeError, ValueError, KeyError, RuntimeError, IndexError):
        return {}


def _replayed(found: Visit, hooked: mw.HookedModel, prompt: Prompt) -> None:
    """What is replayed is what is computed, in every stack, to the last bit.

    And the logits of one position are what they are among all.
    """
    whole = hooked.run(prompt).logits
    last = hooked.run(prompt, positions=[-1], replay=False).logits
    found.hold("one position", _far(last, whole[:, -1:]), 1e-5 * _size(whole))
    for stack in hooked.stacks:
        edits = [mw.SkipLayer(stack.layers[-1])]
        full = hooked.run(prompt, edits, replay=False)
        found.hold("replay", _far(hooked.run(prompt, edits).logits, full.logits), 0.0)
        found.hold("skipping matters", 0.0 if full.fired[-1].change > 0 else 1.0, 0.0)


def _far(a: torch.Tensor, b: torch.Tensor) -> float:
    if a.shape != b.shape:
        return float("inf")
    return float((a - b).abs().max()) if not torch.equal(a, b) else 0.0


def _size(x: torch.Tensor) -> float:
    return 1.0 + float(x.abs().max())
