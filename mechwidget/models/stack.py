"""Find the blocks: the children of one module that pass a stream on, one after another.

In: a trace, and which numbers of positions the stack may have. Out: the calls of its blocks in
order, or an `UnsupportedModelError` that says where the search stopped.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.leaves import has_map, is_linear
from mechwidget.models.walk import walk_back

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    import torch

    from mechwidget.models.trace import Call, Trace

    Fits: TypeAlias = Callable[[int], bool]

_FEWEST = 2  # linear maps that a block has at least
_HOPS = 8  # views and sums between one block's output and the next one's input


def find_blocks(trace: Trace, fits: Fits) -> list[Call]:
    """The calls of the blocks of the stack with a fitting number of positions, in order."""
    families: dict[str, list[Call]] = {}
    for call in trace.calls:
        if _passes_a_stream(call, fits):
            families.setdefault(call.name.rpartition(".")[0], []).append(call)
    chains = [_longest_chain(calls, trace) for calls in families.values()]
    best = max(chains, key=_rank, default=None)
    if best is None:
        raise UnsupportedModelError(
            f"No residual stream was found: {len(trace.calls)} module calls were traced and none "
            "of them maps [batch, position, d] to the same shape through a skip connection"
            f"{_other_shapes(trace, fits)}.",
            "mechwidget reads transformers: blocks that pass one stream of vectors on.",
        )
    return _finer(trace, best, families)


def chains_beside(trace: Trace, taken: Sequence[Call]) -> list[list[Call]]:
    """Blocks that run neither in nor around `taken`: streams of other numbers of positions."""
    families: dict[str, list[Call]] = {}
    for call in trace.calls:
        apart = all(call.left < one.entered or one.left < call.entered for one in taken)
        if apart and _passes_a_stream(call, lambda n: n > 1) and _n_linear(call) >= _FEWEST:
            families.setdefault(call.name.rpartition(".")[0], []).append(call)
    chains = [_longest_chain(calls, trace) for calls in families.values()]
    return [chain for chain in chains if _rank(chain)[0] > 1]


def reaches(trace: Trace, tensor: torch.Tensor, goal: torch.Tensor, hops: int = _HOPS) -> bool:
    """Whether `tensor` is `goal` plus, times, or reshaped from something."""
    if tensor is goal:
        return True
    made = trace.flow.made.get(id(tensor))
    if made is None or made.how == "gate" or hops == 0:
        return False
    return any(reaches(trace, source, goal, hops - 1) for source in made.of)


def _rank(chain: list[Call]) -> tuple[int, int, int]:
    """Blocks are alike and many; the parts of one block, which follow each other too, are not."""
    alike = max(Counter(type(call.module) for call in chain).values())
    return alike, len(chain), -chain[0].name.count(".")


def _passes_a_stream(call: Call, fits: Fits) -> bool:
    x, y = call.x, call.y
    if x is None or y is None or x is y or x.dim() != 3 or x.shape != y.shape:
        return False
    if x.shape[0] != 1 or not fits(x.shape[1]) or is_linear(call.module):
        return False
    return _has_linear(call)


def _has_linear(call: Call) -> bool:
    return has_map(call.module)


def _n_linear(call: Call) -> int:
    return sum(is_linear(part) for part in call.module.modules())


def _other_shapes(trace: Trace, fits: Fits) -> str:
    """What the modules carry instead, where most of them agree on it."""
    shapes = Counter(
        tuple(call.x.shape)
        for call in trace.calls
        if call.x is not None and call.y is not None and call.x is not call.y
        if call.x.dim() in (3, 4) and call.x.shape == call.y.shape and not is_linear(call.module)
        if call.x.dim() == 4 or call.x.shape[0] != 1 or not fits(call.x.shape[1])
        if call.x.dim() == 4 or _has_linear(call)
    )
    if not shapes:
        return ""
    shape, _ = shapes.most_common(1)[0]
    positions = len(trace.tokens)
    given = f"for {positions} tokens " if positions else ""
    carried = f"; {given}its modules carry {list(shape)}"
    return f"{carried}, positions first" if shape[0] == positions else carried


def _longest_chain(calls: list[Call], trace: Trace) -> list[Call]:
    calls = sorted(calls, key=lambda call: call.entered)
    best: list[Call] = []
    chain: list[Call] = []
    for call in calls:
        linked = bool(chain) and _feeds(trace, chain[-1], call)
        chain = [*chain, call] if linked else [call]
        best = max(best, chain, key=len)
    return best


def _finer(trace: Trace, chain: list[Call], families: dict[str, list[Call]]) -> list[Call]:
    """The blocks inside, where every link of the chain is itself a stack of blocks.

    A chain of parts that only take turns inside one block does not count: each block inside has
    to carry its input on by itself.
    """
    finer: list[Call] = []
    for link in chain:
        inside = [
            [c for c in calls if link.entered < c.entered and c.left < link.left]
            for name, calls in families.items()
            if name.startswith(f"{link.name}.")
        ]
        parts = max((_longest_chain(calls, trace) for calls in inside), key=len, default=[])
        if len(parts) < 2 or _are_parts_of_one(parts) or _attends_beside(trace, link, parts):
            return chain
        if not all(walk_back(trace, part).skips for part in parts):
            return chain
        finer += parts
    return finer


def _are_parts_of_one(parts: list[Call]) -> bool:
    """Attention, cross attention and MLP, each a module of a kind of its own with its own skip."""
    return len({type(part.module) for part in parts}) == len(parts)


def _attends_beside(trace: Trace, link: Call, parts: list[Call]) -> bool:
    """Whether some of what attends in `link` is in none of `parts`, which then are no blocks."""
    clocks = [e.clock for e in trace.attentions if link.entered < e.clock < link.left]
    return any(not any(p.entered < clock < p.left for p in parts) for clock in clocks)


def _feeds(trace: Trace, before: Call, after: Call) -> bool:
    if before.y is None or after.x is None:
        return False
    return reaches(trace, after.x, before.y)
