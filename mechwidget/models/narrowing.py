"""The last block at the positions that are looked at, and no others.

After the last block's attention nothing goes from one position to another, so its output projection
and its MLP are needed only where logits are. Their modules are called with those positions, and
what they return is put where it belongs in a tensor of the old shape, 0 elsewhere: the model's code
around them sees the shapes that it expects. The ledger says which modules these are; a block that
writes anything but one attention and MLPs is left alone. Whether it gives what computing every
position gives is checked by whoever uses it.

In: a ledger, and what a run touches. Out: `Narrowing`, a splice, or None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mechwidget.models.carrier import activation_in, with_activation
from mechwidget.models.hooks import submodule
from mechwidget.models.replay import unbound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from mechwidget.models.ledger import Block, Ledger
    from mechwidget.models.sites import Site

_BEFORE = {"resid_pre", "q", "k", "v", "scores", "pattern", "z"}  # sites that come first


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Modules of the last block, and where they are called.

    Attributes:
        modules: their names.
        keep: the positions, counted from 0.
        positions: how many there are in all.
    """

    modules: tuple[str, ...]
    keep: tuple[int, ...]
    positions: int

    def onto(self, twin: nn.Module, _ledger: Ledger) -> None:
        """Take the place of each module's forward."""
        for name in self.modules:
            module = submodule(twin, name)
            module.__dict__["forward"] = self._narrowed(unbound(module))

    def _narrowed(self, real: Callable[..., Any]) -> Callable[..., Any]:
        keep = list(self.keep)

        def forward(*args: Any, **kwargs: Any) -> Any:
            x = activation_in((args, kwargs))
            if x is None or x.dim() != 3 or x.shape[1] != self.positions:
                return real(*args, **kwargs)
            args, kwargs = with_activation((args, kwargs), x, x[:, keep])
            result = real(*args, **kwargs)
            y = activation_in(result)
            if y is None or y.shape[:2] != (x.shape[0], len(keep)):
                raise ValueError("a module of the last block does not work position by position")
            full = y.new_zeros((x.shape[0], self.positions, *y.shape[2:]))
            full[:, keep] = y
            return with_activation(result, y, full)

        return forward


def narrowing(
    ledger: Ledger, sites: set[Site], keep: Sequence[int] | None, positions: int, at_least: int = 1
) -> Narrowing | None:
    """What can be left out of the last block of a run that touches `sites`; None when nothing.

    Args:
        ledger: the model's.
        sites: those that the run edits or reads.
        keep: the positions whose logits are looked at; None is all.
        positions: the length of the prompt.
        at_least: with fewer positions, others are added to make up so many, since products of
            few rows are rounded differently; experts, who share them out, are then refused.
    """
    last = len(ledger.blocks) - 1
    if ledger.pooled or ledger.coupled or keep is None:
        return None
    if not all(_untouched(site, last) for site in sites):
        return None
    wanted = set(keep)
    others = (each for each in reversed(range(positions)) if each not in wanted)
    block = ledger.blocks[last]
    if at_least > 1 and any(w.kind == "mlp" and w.projection is None for w in block.writes):
        return None  # how many tokens an expert gets depends on the others
    while len(wanted) < at_least and (other := next(others, None)) is not None:
        wanted.add(other)
    modules = _position_wise(ledger, block)
    if not modules or 2 * len(wanted) > positions:
        return None
    return Narrowing(modules, tuple(sorted(wanted)), positions)


def _untouched(site: Site, last: int) -> bool:
    """Whether what flows at a site is the same at every position for all that is left out."""
    if site.layer is None:
        return site.name in ("embed", "logits")
    return site.layer < last or (site.layer == last and site.name in _BEFORE)


def _position_wise(ledger: Ledger, block: Block) -> tuple[str, ...]:
    """The largest modules after the block's attention that do not mix positions."""
    attention = [write for write in block.writes if write.kind == "attention"]
    mlps = [write for write in block.writes if write.kind == "mlp"]
    known = {"attention", "mlp", "bias"}
    if block.attention is None or len(attention) != 1 or {w.kind for w in block.writes} - known:
        return ()
    mixes, found = block.attention.place, []
    for write in (*attention, *mlps):
        end = write.projection if write.kind == "attention" else write.projection or write.at
        if end is None or end.nth or block.place.nth or mixes.nth:
            return ()
        found.append(end.module if write.kind == "attention" else _outermost(block, end.module))
    runs = [other.place.module for other in ledger.blocks]
    return tuple(dict.fromkeys(found)) if runs.count(block.place.module) == 1 else ()


def _outermost(block: Block, module: str) -> str:
    """The largest module around an MLP's projection that has no attention in it."""
    inside = block.place.module + "."
    mixes = "" if block.attention is None else block.attention.place.module
    while True:
        parent = module.rpartition(".")[0]
        if not parent.startswith(inside) or f"{mixes}.".startswith(f"{parent}."):
            return module
        module = parent
