"""What is asked of one wrapped model, and how it answered.

Nothing here asks mechwidget where a part of the model is: output projections are recognised by
the names that transformers gives them, heads are counted from the config, patterns are compared
with `output_attentions` of the model's own eager attention.

In: a model type. Out: a `Visit`, plain numbers and words, ready for JSON.
"""

from __future__ import annotations

import copy
import re
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

import mechwidget as mw
from mechwidget.errors import UnsupportedModelError
from mechwidget.models.bindings import heads_of
from mechwidget.models.ledger import Block, Place
from tests.models.state import state_of
from tests.zoo.build import build, example

_W_O = re.compile(r"(?i)\b(o_proj|out_proj|out_lin|c_proj|dense|wo|project_o)(\.linear)?$")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads")
_STREAM = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
_ROUNDING = 2e-4


@dataclass
class Visit:
    """One line of the table.

    Attributes:
        kind: the model type.
        refused: why `wrap` would not take it; "" when it did.
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
    refused: str = ""
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
def visit(kind: str) -> Visit:
    """Build a model of that type, wrap it and hold it to every law that applies."""
    model, other = build(kind), build(kind)
    own = logits(other)
    found, before = Visit(kind), state_of(model)
    try:
        hooked = mw.wrap(model)
    except UnsupportedModelError as error:
        found.refused = str(error).splitlines()[0]
    else:
        _describe(found, hooked)
        found.hold("no edit", _far(hooked.run(example()).logits, own), 0.0)
        _surgery(found, hooked, other)
        _written(found, hooked, other)
        _patterns(found, hooked, own)
        _norms(found, hooked, own)
        _experts(found, hooked, own)
        _reach(found, hooked)
    found.hold("untouched", float(state_of(model) != before), 0.0)
    return found


def logits(model: nn.Module, ids: torch.Tensor | None = None) -> torch.Tensor:
    """The model's own, by its own forward."""
    return model(input_ids=example() if ids is None else ids, use_cache=False).logits


def _describe(found: Visit, hooked: mw.HookedModel) -> None:
    found.layers, found.sites = hooked.n_layers, len(hooked.sites)
    found.heads = [hooked.n_heads(i) for i in range(hooked.n_layers)]
    found.neurons = [hooked.n_neurons(i) for i in range(hooked.n_layers)]
    found.notes = list(hooked.notes)
    found.additive = sum(block.additive for block in hooked.ledger.blocks)
    found.named = all(_is_named(block) for block in hooked.ledger.blocks)
    for block in hooked.ledger.blocks:
        letters = (w.kind[0] + ("" if w.projection or w.at is None else "·") for w in block.writes)
        found.writes.append("".join(letters))


def _is_named(block: Block) -> bool:
    kinds = [write.kind for write in block.writes]
    known = all(
        w.kind == "bias" or (w.at is not None and (w.kind != "other" or w.projection))
        for w in block.writes
    )
    heads = heads_of(block) > 0 or "attention" not in kinds
    return bool(kinds) and known and heads


def _surgery(found: Visit, hooked: mw.HookedModel, model: nn.Module) -> None:
    """A head ablated is its columns of W_O zeroed; an MLP ablated writes nothing."""
    counts = _configured_heads(model.config.get_text_config(decoder=True))
    for layer, heads in enumerate(found.heads):
        if heads:
            write = hooked.ledger.blocks[layer].write("attention")
            place = write.projection
            named = _W_O.search(place.module) is not None
            found.hold("W_O by name", 0.0 if named else 1.0, 0.0)
            run = hooked.run(example(), [mw.Ablate(mw.Head(layer, heads - 1))])
            operated = _without(model, place, heads - 1, heads)
            found.hold("head", _far(run.logits, operated), 1e-6 * _size(operated))
            known = not counts or heads in counts
            found.hold("heads as configured", 0.0 if known else 1.0, 0.0)
            found.hold("head matters", 0.0 if run.fired[0].change > 0 else 1.0, 0.0)
    for layer, neurons in enumerate(found.neurons):
        if neurons:
            place = hooked.ledger.blocks[layer].write("mlp").projection
            run = hooked.run(example(), [mw.Ablate(mw.Neuron(layer, neurons - 1))])
            operated = _without(model, place, neurons - 1, neurons)
            found.hold("neuron", _far(run.logits, operated), 1e-6 * _size(operated))


def _configured_heads(config: Any) -> set[int]:
    fields = {**config.to_dict(), **(config.to_dict().get("attn_config") or {})}
    parts = [fields, *(p for p in fields.get("per_layer_config") or () if isinstance(p, dict))]
    counts = (part.get(name) for part in parts for name in _HEADS)
    return {count for count in counts if isinstance(count, int)}


def _without(model: nn.Module, place: Place, index: int, of: int) -> torch.Tensor:
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
    if type(linear) is nn.Linear and _called_once(other, place.module):
        width = linear.weight.shape[1] // of
        linear.weight[:, index * width : (index + 1) * width] = 0
    else:
        linear.register_forward_pre_hook(zero)
    return logits(other)


def _called_once(model: nn.Module, name: str) -> bool:
    calls: list[int] = []
    handle = model.get_submodule(name).register_forward_hook(lambda *_: calls.append(1))
    logits(model)
    handle.remove()
    return len(calls) == 1


def _written(found: Visit, hooked: mw.HookedModel, model: nn.Module) -> None:
    """What is read is what flowed: out = in + writes; a zeroed MLP writes zero."""
    outs = [s for s in hooked.sites if s.name in _STREAM]
    read = hooked.run(example(), read=outs).read
    entered = _inputs(model) if any(s.name == "resid_mid" for s in outs) else []
    for layer, block in enumerate(hooked.ledger.blocks):
        here = {s.name: read[s] for s in outs if s.layer == layer}
        writes = [here[name] for name in ("attn_out", "mlp_out") if name in here]
        if block.additive and len(writes) == len(block.writes):
            total = here["resid_pre"] + sum(writes)
            room = _ROUNDING * _size(here["resid_post"])
            found.hold("out = in + writes", _far(total, here["resid_post"]), room)
        if "resid_mid" in here:
            nearest = min(_far(here["resid_mid"], x) for x in entered)
            found.hold("resid_mid is read", nearest, 1e-5 * _size(here["resid_mid"]))
        if "attn_out" in here:
            off = hooked.run(
                example(), [mw.Ablate(mw.Attention(layer))], read=[("attn_out", layer)]
            )
            found.hold("attention off", float(off.read["attn_out", layer].abs().max()), 0.0)
            found.hold("attention matters", 0.0 if off.fired[0].change > 0 else 1.0, 0.0)
        if "mlp_out" in here:
            off = hooked.run(example(), [mw.Ablate(mw.MLP(layer))], read=[("mlp_out", layer)])
            found.hold("MLP off", float(off.read["mlp_out", layer].abs().max()), 0.0)
            found.hold("MLP matters", 0.0 if off.fired[0].change > 0 else 1.0, 0.0)


def _inputs(model: nn.Module) -> list[torch.Tensor]:
    """Everything that any module of the model is given, as `[1, pos, d]` where it can be."""
    seen: list[torch.Tensor] = []

    def note(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = (x for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor))
        seen.extend(x.reshape(1, -1, x.shape[-1]) for x in given if x.is_floating_point())

    handles = [m.register_forward_pre_hook(note, with_kwargs=True) for m in model.modules()]
    logits(model)
    for handle in handles:
        handle.remove()
    return seen


def _patterns(found: Visit, hooked: mw.HookedModel, own: torch.Tensor) -> None:
    """Patterns are causal, sum to 1 (less beside a sink), and are the model's own."""
    layers = [site.layer for site in hooked.sites if site.name == "pattern"]
    if not layers:
        return
    run = hooked.run(example(), read=["pattern"])
    found.hold("explicit attention", _far(run.logits, own), _ROUNDING * _size(own))
    theirs = _own_attentions(found.kind, own)
    for layer in layers:
        pattern = run.read["pattern", layer].float()
        found.hold("causal", float(pattern.triu(1).abs().max()), 0.0)
        sums, sink = pattern.sum(-1, keepdim=True), hooked.ledger.blocks[layer].attention.sink
        over = (sums - 1).clamp(min=0) if sink else (sums - 1).abs()
        found.hold("rows sum to 1", float(over.max()), 1e-4)
        if len(theirs) == len(layers) and theirs[layers.index(layer)].shape == pattern.shape:
            reference = theirs[layers.index(layer)].float()
            if sink:  # some models report the rows beside a sink normalised, some do not
                pattern, reference = pattern / sums, reference / reference.sum(-1, keepdim=True)
            found.hold("as output_attentions", _far(pattern, reference), 1e-3)


def _norms(found: Visit, hooked: mw.HookedModel, own: torch.Tensor) -> None:
    """Divisors can be read and, frozen while nothing changes, change no bit; or are refused."""
    scales = [site for site in hooked.sites if site.name.endswith("_scale")]
    if not scales:
        return
    try:
        run = hooked.run(example(), [mw.Freeze("norm")], read=scales)
    except UnsupportedModelError as error:
        found.notes.append(str(error).splitlines()[0])
        return
    found.hold("norms frozen", _far(run.logits, own), 0.0)
    positive = min(float(run.read[site].min()) for site in scales) > 0
    found.hold("norms divide", 0.0 if positive else 1.0, 0.0)


def _experts(found: Visit, hooked: mw.HookedModel, own: torch.Tensor) -> None:
    """The experts are the model's own, and a neuron of one of them matters where it was used."""
    layer = next((n for n in range(hooked.n_layers) if hooked.n_experts(n)), None)
    if layer is None:
        return
    run = hooked.run(example(), read=[("experts", layer), ("expert_post", layer)])
    found.hold("explicit experts", _far(run.logits, own), _ROUNDING * _size(own))
    expert = int(run.read["experts", layer][0, 0, 0])
    held = run.read["expert_post", layer][0, :, expert]
    neuron = int(held.abs().amax(0).argmax())
    edited = hooked.run(example(), [mw.Ablate(mw.ExpertNeuron(layer, expert, neuron))])
    found.hold("expert matters", 0.0 if _far(edited.logits, run.logits) > 0 else 1.0, 0.0)


def _reach(found: Visit, hooked: mw.HookedModel) -> None:
    """What is said not to be in the logits looked at is not in them."""
    last = hooked.n_layers - 1
    parts: list[Any] = [mw.Residual(last, [4], "post"), mw.Residual(last, [4]), mw.Residual(0, [7])]
    parts += [mw.Head(last, 0, [4])] if hooked.n_heads(last) else []
    parts += [mw.Attention(last, [4])] if hooked.has_attention(last) else []
    parts += [mw.MLP(last, [4])] if hooked.has_mlp(last) else []
    for looked in ([6], [2]):
        plain = hooked.run(example(), positions=looked, replay=False)
        for part in parts:
            edit = mw.SetValue(part, 2.0)
            run = hooked.run(example(), [edit], positions=looked, replay=False)
            if run.fired[0].reason and run.fired[0].change:
                room = _ROUNDING * _size(plain.logits)  # experts batch tokens together
                found.hold("reach", _far(run.logits, plain.logits), room)


def _own_attentions(kind: str, own: torch.Tensor) -> list[torch.Tensor]:
    """`output_attentions` of the model built as eager; [] where transformers offers none."""
    try:
        eager = build(kind, attention="eager")
        result = eager(input_ids=example(), use_cache=False, output_attentions=True)
        found = [t for t in result.attentions or () if isinstance(t, torch.Tensor)]
    except (AttributeError, TypeError, ValueError, KeyError, RuntimeError, IndexError):
        return []
    return found if _far(result.logits, own) <= _ROUNDING * _size(own) else []


def _far(a: torch.Tensor, b: torch.Tensor) -> float:
    if a.shape != b.shape:
        return float("inf")
    return float((a - b).abs().max()) if not torch.equal(a, b) else 0.0


def _size(x: torch.Tensor) -> float:
    return 1.0 + float(x.abs().max())
