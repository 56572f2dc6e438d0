"""What an edit needs from other runs: a source prompt, or the same prompt without interventions.

Each source is run once per run, whatever the number of edits that ask for it, inside the lock of
the model that the run holds already (it is re-entrant) and on a twin of its own; not at all where
what it held is remembered of this very model (see `held`). Where the run itself computes attention
explicitly, its sources do so too, in the same layers, so that what is compared differs by no
implementation's rounding.

In: the traffic of runs. Out: each traffic is given what its sources held at the
sites of the edits that ask for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.models.bindings import TAPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.traffic import Traffic


def read_sources(
    model: HookedModel,
    traffics: Sequence[Traffic],
    tokens: Tokens,
    cancelled: Callable[[], bool] | None,
    *,
    replay: bool = True,
) -> None:
    """Run every source of the traffics' edits; None stands for `tokens` itself.

    Traffics whose attention is explicit at the same sites share one run of each source.
    """
    alike: dict[frozenset[Site], list[Traffic]] = {}
    for traffic in traffics:
        if any(edit.sources for _, edit in traffic.edits):
            explicit = frozenset(site for site in traffic.sites if site.name in TAPPED)
            alike.setdefault(explicit, []).append(traffic)
    if not alike:
        return
    with model.baselines.one_look() as version:
        model.held.look(version if replay else None)
        for explicit, sharing in alike.items():
            given = {}
            for source, sites in _wanted(sharing).items():
                prompt = tokens if source is None else source
                known = model.held.get(prompt, explicit, sites)
                if known is None:
                    read = sites | explicit
                    run = model.run(
                        prompt, read=read, positions=[-1], cancelled=cancelled, replay=replay
                    )
                    known = {site: run.read[site] for site in sites}
                    model.held.keep(prompt, explicit, known)
                given[source] = known
            for traffic in sharing:
                traffic.given = given


def _wanted(traffics: Sequence[Traffic]) -> dict[Tokens | None, set[Site]]:
    """Which sites of which source the edits need."""
    wanted: dict[Tokens | None, set[Site]] = {}
    for traffic in traffics:
        for _, edit in traffic.edits:
            for source in edit.sources:
                wanted.setdefault(source, set()).add(edit.site)
    return wanted
