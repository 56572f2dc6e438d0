"""Facts about a model beside its ledger: context length, device, and what a reader should know.

In: a module and its ledger. Out: numbers, and the short sentences that views show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mechwidget.models.bindings import heads_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mechwidget.models.ledger import Block, Ledger, Write

_LIMITS = (
    "max_position_embeddings",
    "max_target_positions",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "block_size",
)


def position_limit(model: nn.Module) -> int | None:
    """The most tokens the model says that it can take."""
    config = config_of(model)
    if config is None:
        return None
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    for name in _LIMITS:
        limit = getattr(text, name, None)
        if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0:
            return limit
    return None


def config_of(module: nn.Module) -> Any:
    """The config of a module, or of the one model inside it that has one."""
    own = getattr(module, "config", None)
    if own is not None:
        return own
    inside = {id(c): c for c in map(config_of, module.children()) if c is not None}
    return next(iter(inside.values())) if len(inside) == 1 else None


def first_number(configs: Iterable[Any], names: Sequence[str]) -> int | None:
    """The first whole number that one of these configs gives to one of `names`, or of a list."""
    for config in configs:
        for name in names:
            value = getattr(config, name, None)
            if isinstance(value, (list, tuple)) and value:
                value = value[0]
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return None


def input_device(model: nn.Module) -> torch.device:
    """Where token ids go in: the first real parameter's device, the CPU for offloaded ones."""
    devices = (parameter.device for parameter in model.parameters())
    return next((d for d in devices if d.type != "meta"), torch.device("cpu"))


def notes_of(ledger: Ledger) -> tuple[str, ...]:
    """What a reader should know about this model, one sentence each."""
    return tuple(dict.fromkeys(note for test in _NOTES for note in test(ledger)))


def why_no_heads(layer: int, block: Block, *, cross: bool = False) -> str:
    """Why no head of a layer can be chosen."""
    attentions = _kinds(block).count("cross" if cross else "attention")
    to = " that attend to another stack" if cross else ""
    if not attentions:
        return f"layer {layer} has no attention heads{to}"
    if attentions > 1:
        return f"several attentions write in layer {layer}, and their heads have no one control"
    return (
        f"the attention of layer {layer} writes the sum of its heads{to}, and no linear module "
        "takes them in one by one"
    )


def _shared_heads(ledger: Ledger) -> Iterator[str]:
    for block in ledger.blocks:
        attention = block.attention
        if attention is not None and attention.key_value_heads < attention.heads:
            groups = attention.heads // attention.key_value_heads
            yield f"k/v heads are shared by {groups} query heads"


def _sinks(ledger: Ledger) -> Iterator[str]:
    if any(block.attention is not None and block.attention.sink for block in ledger.blocks):
        yield "pattern rows sum to less than 1: the rest goes to a sink"


def _parallel(ledger: Ledger) -> Iterator[str]:
    for block in ledger.blocks:
        if block.additive and not block.sequential and _kinds(block) == ["attention", "mlp"]:
            yield "attention and MLP read the stream in parallel"


def _post_norms(ledger: Ledger) -> Iterator[str]:
    for block in ledger.blocks:
        if any(write.post_norm for write in block.writes):
            yield "writes pass a norm before they reach the stream"


def _not_additive(ledger: Ledger) -> Iterator[str]:
    layers = [i for i, block in enumerate(ledger.blocks) if not block.additive]
    if layers:
        yield f"the stream is not a plain sum in {_layers(layers, ledger)}"


def _without_heads(ledger: Ledger) -> Iterator[str]:
    without = [i for i, block in enumerate(ledger.blocks) if not heads_of(block)]
    attends = [i for i in without if "attention" in _kinds(ledger.blocks[i])]
    several = [i for i in attends if _kinds(ledger.blocks[i]).count("attention") > 1]
    single = [i for i in attends if i not in several]
    if none := [i for i in without if i not in attends]:
        yield f"no attention heads in {_layers(none, ledger)}"
    if several:
        yield (
            f"several attentions write in {_layers(several, ledger)}: "
            "their heads have no one control"
        )
    if single:
        yield (
            f"attention has no single output projection in {_layers(single, ledger)}: "
            "no heads to choose"
        )


def _without_neurons(ledger: Ledger) -> Iterator[str]:
    layers = [
        i
        for i, block in enumerate(ledger.blocks)
        if (write := block.write("mlp")) is not None and not write.width
        if block.experts is None
    ]
    if layers:
        where = _layers(layers, ledger)
        yield f"the MLP has no single down projection in {where}: no neurons to choose"


def _experts(ledger: Ledger) -> Iterator[str]:
    layers = [i for i, block in enumerate(ledger.blocks) if block.experts is not None]
    if layers:
        where = _layers(layers, ledger)
        yield f"each token passes a few experts in {where}: ExpertNeuron names their neurons"


def _several_mlps(ledger: Ledger) -> Iterator[str]:
    layers = [
        i
        for i, block in enumerate(ledger.blocks)
        if sum(write.kind == "mlp" for write in block.writes) > 1
    ]
    if layers:
        yield f"the MLP writes in several parts in {_layers(layers, ledger)}: it has no one control"


def _unnamed(ledger: Ledger) -> Iterator[str]:
    blocks = enumerate(ledger.blocks)
    layers = [i for i, block in blocks if any(map(_is_nobodys, block.writes))]
    if layers:
        where = _layers(layers, ledger)
        yield f"part of what is written in {where} comes from no one module: it has no control"


def _crossing(ledger: Ledger) -> Iterator[str]:
    if any(block.write("cross") is not None for block in ledger.blocks):
        yield "the decoder attends to the encoder: cross attention has sites of its own"
    hidden = [
        i
        for i, block in enumerate(ledger.blocks)
        if any(a is not None and a.route == "hidden" for a in (block.attention, block.cross))
    ]
    if hidden:
        yield f"the attention pattern cannot be looked at in {_layers(hidden, ledger)}"


def _answers(ledger: Ledger) -> Iterator[str]:
    if ledger.pooled:
        yield "one answer per prompt: its logits have one position"
    if ledger.answer == "hidden state":
        yield "it has no head: its last hidden state takes the place of logits"
    if ledger.outside:
        times = "once" if ledger.outside == 1 else f"{ledger.outside} times"
        yield f"attention runs {times} outside the blocks: it has no control there"


def _coupled(ledger: Ledger) -> Iterator[str]:
    if ledger.coupled:
        yield "quantised with one scale for a whole batch: each variant runs alone"


_NOTES = (
    _coupled,
    _shared_heads,
    _sinks,
    _parallel,
    _post_norms,
    _not_additive,
    _without_heads,
    _without_neurons,
    _experts,
    _several_mlps,
    _unnamed,
    _crossing,
    _answers,
)


def _is_nobodys(write: Write) -> bool:
    return write.at is None and write.kind != "bias"


def _kinds(block: Block) -> list[str]:
    return sorted(write.kind for write in block.writes)


def _layers(layers: list[int], ledger: Ledger) -> str:
    if len(layers) == len(ledger.blocks):
        return "every layer"
    return f"layer{'s' if len(layers) > 1 else ''} {', '.join(map(str, layers))}"
