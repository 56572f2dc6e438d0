"""What an edit needs from other runs: a source prompt, or the same prompt without interventions.

Each source is run once per run, whatever the number of edits that ask for it, inside the lock of
the model that the run holds already (it is re-entrant) and on a twin of its own. Nothing is kept
afterwards. Where the run itself computes attention explicitly, its sources do so too, in the same
layers, so that what is compared differs by no implementation's rounding.

In: the traffic of a run. Out: what each source held at the sites of the edits that ask for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.models.bindings import TAPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.traffic import Traffic

Given = dict["Tokens | None", dict["Site", "torch.Tensor"]]


def read_sources(
    model: HookedModel,
    traffic: Traffic,
    tokens: Tokens,
    cancelled: Callable[[], bool] | None,
) -> Given:
    """Run every source of the traffic's edits; None stands for `tokens` itself."""
    wanted: dict[Tokens | None, set[Site]] = {}
    for _, edit in traffic.edits:
        for source in edit.sources:
            wanted.setdefault(source, set()).add(edit.site)
    explicit = {site for site in traffic.sites if site.name in TAPPED}
    given: Given = {}
    for source, sites in wanted.items():
        prompt = tokens if source is None else source
        run = model.run(prompt, read=sites | explicit, positions=[-1], cancelled=cancelled)
        given[source] = {site: run.read[site] for site in sites}
    return given
