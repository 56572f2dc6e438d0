"""Hypothesis strategies: any component, any intervention, and lists of those that a model takes."""

from __future__ import annotations

from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.interventions import Component, Intervention
from mechwidget.interventions.replace_pattern import ACROSS, NAMED

NUMBERS = st.integers(0, 2**31 - 1)
PLACES = st.integers(-(2**31) + 1, 2**31 - 1)
POSITIONS = st.none() | st.lists(PLACES, min_size=1, max_size=6)
FINITE = st.floats(-1e6, 1e6, allow_nan=False)
PROMPTS = st.text(min_size=1, max_size=9) | st.lists(NUMBERS, min_size=1, max_size=5).map(tuple)

CROSS = st.booleans()
HEADS = st.builds(mw.Head, NUMBERS, NUMBERS, POSITIONS, CROSS)
EDGES = st.builds(mw.Edge, NUMBERS, NUMBERS, PLACES, PLACES, CROSS)
LAYERS = st.builds(mw.Layer, NUMBERS, POSITIONS)
ENDS = st.sampled_from(["pre", "mid", "post"])
STREAMS = st.builds(mw.Residual, NUMBERS, POSITIONS, ENDS)
MLPS = st.builds(mw.MLP, NUMBERS, POSITIONS)
ATTENTIONS = st.builds(mw.Attention, NUMBERS, POSITIONS, CROSS)
NEURONS = st.builds(mw.Neuron, NUMBERS, NUMBERS, POSITIONS)
EXPERT_NEURONS = st.builds(mw.ExpertNeuron, NUMBERS, NUMBERS, NUMBERS, POSITIONS)
SITED = HEADS | MLPS | ATTENTIONS | NEURONS | EXPERT_NEURONS | STREAMS
COMPONENTS: st.SearchStrategy[Component] = SITED | LAYERS | EDGES


def interventions(
    sited: st.SearchStrategy[Component],
    *,
    heads: st.SearchStrategy[mw.Head] = HEADS,
    edges: st.SearchStrategy[mw.Edge] = EDGES,
    layers: st.SearchStrategy[mw.Layer] = LAYERS,
    prompts: st.SearchStrategy[str | tuple[int, ...]] = PROMPTS,
    width: int | None = None,
    places: st.SearchStrategy[int] = PLACES,
) -> st.SearchStrategy[Intervention]:
    """Every kind; vectors of `width`, or of any where it is None."""
    numbers = FINITE.filter(lambda x: x == 0 or abs(x) > 1e-6)
    size = {"min_size": width or 1, "max_size": width or 6}
    vectors = st.builds(mw.Vector, st.lists(numbers, **size).filter(any), st.text(max_size=5))
    steerable = sited.filter(lambda c: not isinstance(c, (mw.Neuron, mw.ExpertNeuron, mw.Feature)))
    several = st.lists(prompts, min_size=1, max_size=3)
    pairs = st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=4)
    unplaced = sited.filter(lambda c: c.positions is None)
    return st.one_of(
        st.builds(mw.Ablate, sited),
        st.builds(mw.Ablate, sited, st.just("mean"), several, st.booleans()),
        st.builds(mw.Ablate, sited, st.just("resample"), several, seed=NUMBERS),
        st.builds(mw.Scale, sited | edges | layers, FINITE),
        st.builds(mw.SetValue, sited | edges, FINITE),
        st.builds(mw.SetValue, steerable, vectors),
        st.builds(mw.SetValue, unplaced, st.dictionaries(places, FINITE | vectors, min_size=1)),
        st.builds(mw.SkipLayer, layers),
        st.builds(mw.Steer, steerable, vectors, FINITE, st.sampled_from(["absolute", "share"]),
                  st.sampled_from(["add", "clamp along"])),
        st.builds(mw.Steer, steerable, vectors, mode=st.just("project out")),
        st.builds(mw.Patch, sited, prompts, st.sampled_from(["same", "end"])),
        st.builds(mw.Patch, unplaced, prompts, pairs),
        st.builds(mw.KnockOut, edges, st.booleans()),
        st.builds(mw.Freeze, sited | st.sampled_from(["pattern", "norm", "final_norm"])),
        heads.flatmap(_replaced),
    )  # fmt: skip


def _replaced(head: mw.Head) -> st.SearchStrategy[mw.ReplacePattern]:
    named = st.sampled_from(ACROSS if head.cross else NAMED)
    return st.builds(mw.ReplacePattern, st.just(head), named)


INTERVENTIONS = interventions(SITED)
