"""Prompts side by side: what many prompts hold at some sites, several of them in one forward pass.

Prompts of one length are the rows of a batch. Where no position hears of a later one, shorter
prompts may be lengthened at their end, and what was added is thrown away. That a row then holds
what its prompt holds alone is checked once per model, not believed; where it does not, prompts run
one at a time. The pass ends as soon as the sites were seen: later blocks are not computed.

In: prompts and sites. Out: per prompt, in any order, what flowed at the sites.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from mechwidget.errors import CancelledError, MechwidgetError
from mechwidget.models.budget import ran_out
from mechwidget.models.edit import Edit
from mechwidget.models.rounding import equal_but_for_rounding
from mechwidget.models.tokens import Tokens
from mechwidget.models.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.sites import Site

Held = dict["Site", torch.Tensor]

_TOKENS_AT_ONCE = {"cpu": 1024}  # as for variants of one prompt: more is no faster
_TOKENS_ON_A_GPU = 16_384
_BYTES_AT_ONCE = 256 * 2**20  # of what is read
_SPARE = 1.25  # how much longer than the shortest prompt the longest of a padded batch may be
_MANNERS = ("lengthened", "of one length")  # the ways to make a batch, the fastest first


def read_side_by_side(  # noqa: D417 - a method of `HookedModel`
    self: HookedModel,
    prompts: Sequence[Tokens],
    sites: Sequence[Site],
    *,
    n_bytes: int = 4,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[tuple[int, Held]]:
    """Yields `(index, held)` once per prompt: `held[site]` is `[pos, …]`, float as it flowed.

    Args:
        prompts: as `tokenize` makes them.
        sites: what to read, without any intervention.
        n_bytes: what the sites take per position, to keep a batch within memory.
        cancelled: asked before every block; True raises `CancelledError`.
    """
    waiting = sorted(range(len(prompts)), key=lambda index: prompts[index].longest)
    while waiting:
        manner = _manner(self, [prompts[index] for index in waiting])
        group = _first_group(self, prompts, waiting, manner, n_bytes)
        held = _together(self, [prompts[i] for i in group], sites, manner, cancelled)
        if held is None:
            continue  # in another manner
        waiting = waiting[len(group) :]
        yield from zip(group, held, strict=True)


@dataclass(frozen=True, slots=True)
class _Batch(Tokens):
    """Several prompts in the place of one: its tensor has a row for each."""

    rows: tuple[tuple[int, ...], ...] = ()

    def tensor(self, device: torch.device | str | None = None) -> torch.Tensor:
        """The ids as `[prompt, pos]`."""
        return torch.tensor(self.rows, dtype=torch.long, device=device)


class _Rows(Traffic):
    """Traffic of several prompts, which the model is called with once."""

    @property
    def rows_given(self) -> int:
        """The batch holds its rows already."""
        return 1


def _manner(model: HookedModel, prompts: Sequence[Tokens]) -> str:
    """How the next batch is made; "alone" where prompts have to run one at a time."""
    if model.ledger.coupled or any(one.signal or one.encoder for one in prompts):
        return "alone"
    with model.lock:
        for manner in _MANNERS:
            looks_back = all(stack.attends == "backwards" for stack in model.stacks)
            if manner == "lengthened" and not looks_back:
                continue
            if not model.baselines.disproved(_claim(manner)):
                return manner
    return "alone"


def _claim(manner: str) -> str:
    return f"prompts {manner} side by side"


def _first_group(
    model: HookedModel,
    prompts: Sequence[Tokens],
    waiting: Sequence[int],
    manner: str,
    n_bytes: int,
) -> Sequence[int]:
    """The first prompts of the list that go together."""
    shortest = len(prompts[waiting[0]])
    longest = {"lengthened": int(_SPARE * shortest) + 1, "of one length": shortest}.get(manner, 0)
    tokens = _TOKENS_AT_ONCE.get(model.device.type, _TOKENS_ON_A_GPU)
    most = min(tokens, _BYTES_AT_ONCE // max(1, n_bytes))
    n = 1
    while n < len(waiting):
        length = len(prompts[waiting[n]])
        if length > longest or length * (n + 1) > most:
            break
        n += 1
    return waiting[:n]


def _together(
    model: HookedModel,
    prompts: Sequence[Tokens],
    sites: Sequence[Site],
    manner: str,
    cancelled: Callable[[], bool] | None,
) -> list[Held] | None:
    """What each prompt holds; None where a batch made like that does not work."""
    if len(prompts) == 1:
        return [_alone(model, prompts[0], sites, cancelled)]
    claim = _claim(manner)
    with model.lock:
        try:
            held = _read(model, _batch(prompts), len(prompts), sites, cancelled)
        except CancelledError:
            raise
        except (MechwidgetError, TypeError, ValueError, RuntimeError, LookupError) as error:
            if ran_out(error):
                half = len(prompts) // 2
                parts = [prompts[:half], prompts[half:]]
                split = [_together(model, part, sites, manner, cancelled) for part in parts]
                return None if None in split else [one for part in split for one in part or ()]
            model.baselines.disprove(claim)
            return None
        rows = [
            {site: tensor[row, : len(one)] for site, tensor in held.items()}
            for row, one in enumerate(prompts)
        ]

        def proof() -> bool:
            if any(len(tensor) != len(prompts) for tensor in held.values()):
                return False
            ends = (0, len(prompts) - 1)
            return all(_same(rows[i], _alone(model, prompts[i], sites, cancelled)) for i in ends)

        return rows if model.baselines.proved(claim, 0, proof) else None


def _same(row: Held, alone: Held) -> bool:
    return all(
        equal_but_for_rounding(row[site], alone[site])
        if alone[site].is_floating_point()
        else bool((row[site].sort(-1).values == alone[site].sort(-1).values).all())
        for site in alone
    )


def _batch(prompts: Sequence[Tokens]) -> _Batch:
    longest = max(prompts, key=len)
    filled = tuple(one.ids + (one.ids[-1],) * (len(longest) - len(one)) for one in prompts)
    return _Batch(longest.ids, longest.texts, longest.special, rows=filled)


def _alone(
    model: HookedModel,
    tokens: Tokens,
    sites: Sequence[Site],
    cancelled: Callable[[], bool] | None,
) -> Held:
    held = _read(model, replace(tokens), 1, sites, cancelled)
    return {site: tensor[0] for site, tensor in held.items()}


def _read(
    self: HookedModel,
    tokens: Tokens,
    rows: int,
    sites: Sequence[Site],
    cancelled: Callable[[], bool] | None,
) -> Held:
    """One pass that ends when all sites were seen, `[row, pos, …]` each."""
    held: Held = {}

    def look(site: Site) -> Callable[[torch.Tensor], torch.Tensor]:
        def seen(tensor: torch.Tensor) -> torch.Tensor:
            held[site] = tensor.detach().clone()
            return tensor

        return seen

    def enough() -> bool:
        return len(held) == len(sites) or (cancelled is not None and cancelled())

    edits = tuple((0, Edit(site, look(site), looks=True)) for site in sites)
    traffic = _Rows(edits, frozenset(), (rows, len(tokens)))
    with self.lock:
        try:
            self._forward_of(tokens, enough)(traffic, [len(tokens) - 1], None)
        except CancelledError:
            if len(held) < len(sites):
                raise
        else:
            traffic.fired()  # raises where a site was never passed
    return held
