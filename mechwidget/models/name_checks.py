"""What is proved about a named module before it becomes a site: its output's shape, and its use.

In: a module, its source and places. Out: `Named` entries for the ledger, or a `SiteError` that
says what was found and what was expected.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import SiteError
from mechwidget.models.calling import call_model
from mechwidget.models.ledger import Named
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import nn

    from mechwidget.models.ledger import Layout, Ledger, Place
    from mechwidget.models.sites import Site
    from mechwidget.models.source import Source
    from mechwidget.models.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Wish:
    """One site that somebody wants to be the output of one module call.

    `heads` says into how many the last axis of a flat layout is to be split.
    """

    site: Site
    place: Place
    layout: Layout = "as it is"
    heads: int = 0


PER_HEAD = ("z", "q", "k", "v")
_SQUARE = ("scores", "pattern")
_ROWS = 32  # variants in one forward


def outputs_of(module: nn.Module, source: Source, names: Iterable[str]) -> dict[str, list[Any]]:
    """What each of these modules returned, call by call, in one forward over the example."""
    twin, seen = make_twin(module), defaultdict[str, list[Any]](list)

    def note(name: str) -> Callable[[Any, Any, Any], None]:
        return lambda _module, _args, result: seen[name].append(result)

    for name in names:
        twin.get_submodule(name).register_forward_hook(note(name))
    call_model(source, twin, source.example())
    return seen


def check_output(wish: Wish, seen: dict[str, list[Any]], ledger: Ledger, example: Tokens) -> Named:
    """The ledger's entry for a site that is what a module returned over the example."""
    site, place = wish.site, wish.place
    results = seen.get(place.module, [])
    if place.nth >= len(results) or len(results) not in (1, len(ledger.blocks)):
        times = "never called" if not results else f"called {len(results)} times"
        raise SiteError(
            f"{place.module!r} cannot be {site}: it was {times} in one forward; expected once, or "
            "once per layer.",
            "Name a module that the forward calls, rather than one whose parameters it reads.",
        )
    result = results[place.nth]
    axes, shape = _expected(wish, example, ledger)
    if not _fits(result, shape):
        found = (
            f"a tensor of shape {list(result.shape)} and {result.dtype}"
            if isinstance(result, torch.Tensor)
            else type(result).__name__
        )
        sizes = ", ".join(str(size) if size else "…" for size in shape)
        raise SiteError(
            f"{place.module!r} cannot be {site}: it returned {found}; expected [{axes}], here "
            f"[{sizes}].",
            "Name the module whose output has this shape.",
        )
    if site.name in _SQUARE:
        return Named(site, place, 0, result.shape[1])
    if site.name not in PER_HEAD:
        return Named(site, place, result.shape[2])
    axis = {"as it is": 2, "heads first": 1}.get(wish.layout)
    heads = wish.heads if axis is None else result.shape[axis]
    width = result.shape[2] if axis is None else heads * result.shape[3]
    return Named(site, place, width, heads, wish.layout)


def _expected(wish: Wish, example: Tokens, ledger: Ledger) -> tuple[str, tuple[int, ...]]:
    """The axes of a site's tensor, and their sizes over the example; 0 where any will do."""
    site = wish.site
    stack = next(
        s for s in ledger.stacks if (s.main if site.layer is None else site.layer in s.layers)
    )
    sequence = example if stack.main else example.encoder
    positions = 0 if sequence is None else len(sequence)
    attention = None if site.layer is None else ledger.blocks[site.layer].attention
    heads = 0 if attention is None else attention.heads
    if wish.layout == "flat":
        return "batch, position, head · d_head", (1, positions, 0)
    if site.name in PER_HEAD:
        of_its_own = heads if site.name in ("z", "q") else 0
        if wish.layout == "heads first":
            return "batch, head, position, d_head", (1, of_its_own, positions, 0)
        return "batch, position, head, d_head", (1, positions, of_its_own, 0)
    if site.name in _SQUARE:
        return "batch, head, query, key", (1, heads, positions, positions)
    if site.name == "mlp_post":
        return "batch, position, neuron", (1, positions, 0)
    return "batch, position, d_model", (1, positions, stack.d_model)


def _fits(result: Any, shape: tuple[int, ...]) -> bool:
    if not isinstance(result, torch.Tensor) or not result.is_floating_point():
        return False
    if result.dim() != len(shape):
        return False
    return all(size in (0, n) for size, n in zip(shape, result.shape, strict=True))


def idle_places(module: nn.Module, source: Source, found: Sequence[Named]) -> list[Named]:
    """Those whose output may be anything without a single logit noticing.

    Each is changed in a row of its own; row 0 stays as it is.
    """
    idle = []
    for start in range(0, len(found), _ROWS):
        some = found[start : start + _ROWS]
        twin = make_twin(module)
        for row, named in enumerate(some, 1):
            disturb = _Disturbance(row, named.place.nth)
            twin.get_submodule(named.place.module).register_forward_hook(disturb)
        logits = call_model(source, twin, source.example(), len(some) + 1)
        idle += [named for row, named in enumerate(some, 1) if torch.equal(logits[row], logits[0])]
    return idle


class _Disturbance:
    """Adds noise to one row of what one call of a module returns."""

    def __init__(self, row: int, nth: int) -> None:
        self.row, self.left = row, nth

    def __call__(self, _module: nn.Module, _args: Any, result: torch.Tensor) -> Any:
        self.left -= 1
        if self.left != -1:
            return None
        generator = torch.Generator().manual_seed(self.row)
        noise = torch.randn(result.shape[1:], generator=generator, device="cpu")
        disturbed = result.clone()
        disturbed[self.row] += noise.to(result)
        return disturbed
