"""Hypothesis strategies: interventions that fit a tiny model and a short prompt, most of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.errors import MechwidgetError
from mechwidget.interventions import Intervention
from tests.dictionaries.made import registered
from tests.interventions.anything import interventions
from tests.models.zoo.species import HEADS, LAYERS, NEURONS, VOCABULARY, WIDTH
from tests.random_weights import example

LENGTH = 6
IDS = example(LENGTH)
TWO = mw.Inputs(example(9)[0].tolist(), IDS[0].tolist())  # for a model with two stacks
PLACES = st.integers(-LENGTH, LENGTH - 1)
POSITIONS = st.none() | st.lists(PLACES, min_size=1, max_size=3)
HEAD = st.integers(0, HEADS - 1)
DICTIONARIES = [
    registered(WIDTH, ("resid_pre", 1), None),
    registered(WIDTH, ("z", 0), None, "topk"),
    registered(WIDTH, ("mlp_in", 1), ("mlp_out", 1), "jumprelu"),
]
PROMPTS = st.lists(st.integers(3, VOCABULARY - 1), min_size=3, max_size=8).map(tuple)


def fitting(layers: int, *, crosses: bool = False) -> st.SearchStrategy[Intervention]:
    """Interventions on so many layers, also on attention to another stack if it `crosses`."""
    layer, cross = st.integers(0, layers - 1), st.booleans() if crosses else st.just(False)
    heads = st.builds(mw.Head, layer, HEAD, POSITIONS, cross)
    sited = st.one_of(
        heads,
        st.builds(mw.MLP, layer, POSITIONS),
        st.builds(mw.Attention, layer, POSITIONS, cross),
        st.builds(mw.Neuron, layer, st.integers(0, NEURONS - 1), POSITIONS),
        st.builds(mw.ExpertNeuron, layer, st.integers(0, 3), st.integers(0, 23), POSITIONS),
        st.builds(mw.Residual, layer, POSITIONS, st.sampled_from(["pre", "mid", "post"])),
        st.builds(mw.Feature, st.sampled_from(DICTIONARIES), st.integers(0, 5), POSITIONS),
    )
    return st.one_of(
        interventions(
            sited,
            heads=heads,
            edges=st.builds(mw.Edge, layer, HEAD, PLACES, PLACES, cross),
            layers=st.builds(mw.Layer, layer, POSITIONS),
            prompts=PROMPTS,
            width=width,
            places=PLACES,
        )
        for width in (WIDTH, WIDTH // HEADS)
    )


ANY = fitting(LAYERS)
LISTS = st.lists(ANY, min_size=1, max_size=4)


def fits(model: mw.HookedModel, one: Intervention, prompt: Any = IDS) -> bool:
    """Whether the model takes it, or says why not in an error that is meant for people."""
    try:
        one.edits(model, model.n_positions_for(one, model.tokenize(prompt)))
    except MechwidgetError:
        return False
    return True
