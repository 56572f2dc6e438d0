"""What one forward pass under a list of interventions gave.

In: the traffic of a run. Out: `Run`: logits, the activations that were asked for, the tokens,
and proof of what each intervention changed. A frozen record; it holds no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import SiteError
from mechwidget.models.sites import LAYERED, Site, missing_site, parse_site

if TYPE_CHECKING:
    from mechwidget.models.plan import Plan
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.traffic import Fired


class ReadOut(Mapping[Any, torch.Tensor]):
    """Activations by site: `read["z", 3]`, `read["z.3"]`, `read["blocks.3.attn.hook_z"]`.

    Each is a copy of what flowed on from its site, after edits.
    """

    def __init__(self, kept: Mapping[Site, torch.Tensor]) -> None:
        self._kept = dict(kept)

    def __getitem__(self, like: Any) -> torch.Tensor:
        site = parse_site(like)
        if site.layer is None and site.name in LAYERED:
            found = self.layers(site.name)
            if len(found) == 1:
                return next(iter(found.values()))
            raise SiteError(
                f"{site.name!r} was read in {len(found)} layers.",
                f'Write read["{site.name}", layer] or read.layers("{site.name}").',
            )
        if site not in self._kept:
            if not self._kept:
                raise SiteError(f"{site} was not read: this run was asked to read nothing.")
            known = missing_site(site, tuple(self._kept))
            raise SiteError(f"{site} was not read in this run.", known.hint)
        return self._kept[site]

    def layers(self, name: str) -> dict[int, torch.Tensor]:
        """Every layer of one layered site that was read."""
        return {
            site.layer: tensor
            for site, tensor in self._kept.items()
            if site.name == name and site.layer is not None
        }

    def __iter__(self) -> Iterator[Site]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One forward pass.

    Attributes:
        logits: `[batch, pos, vocab]`, only of `positions`.
        positions: the token positions that `logits` holds, in order.
        tokens: the prompt.
        read: the activations that were asked for.
        fired: per edit, in the order in which they ran, where it was and how much it changed.
        attention: "own" when the model computed attention its own way, "explicit" when ours
            was used because q, k, v, scores, pattern or the inside of experts were touched. Only
            compare numbers of runs with the same one, and the same sites touched.
        plan: what was computed, what was replayed from the baseline, and why not more.
    """

    logits: torch.Tensor
    positions: tuple[int, ...]
    tokens: Tokens
    read: ReadOut
    fired: tuple[Fired, ...]
    attention: str
    plan: Plan
