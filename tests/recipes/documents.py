"""Recipes to try things on: one that has everything, and any that hypothesis thinks of."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from mechwidget.recipes import FORMAT, VERSION, packed
from tests.interventions.anything import INTERVENTIONS

Document = dict[str, Any]

HEAD = {"type": "head", "layer": 1, "head": 2}
FULL: Document = {
    "format": FORMAT,
    "version": VERSION,
    "written": {"by": "mechwidget 1.2", "at": "2026-01-02T03:04:05+00:00"},
    "model": {"name": "tiny", "dtype": "float32", "n_layers": 3, "heads": [3, 3, 3]},
    "prompts": {
        "a": {"text": "the cat", "ids": [1, 2], "tokens": ["the", " cat"]},
        "b": {"text": "the dog"},
        "reference": [{"text": "a mat"}, {"ids": [3, 4]}],
    },
    "interventions": [
        {
            "sentence": "Zero head 1.2",
            "name": "mover",
            "group": "g",
            "enabled": True,
            "does": {"type": "ablate", "component": HEAD},
        },
        {
            "sentence": "Scale head 1.2 by 0.5",
            "enabled": False,
            "does": {"type": "scale", "component": HEAD, "factor": 0.5},
        },
    ],
    "groups": [{"name": "g", "strength": 0.5}],
    "metric": {"type": "logit_diff", "a": " cat", "b": " dog", "position": -1},
    "directions": [{"name": "truth", "values": packed([n / 8 for n in range(24)])}],
    "views": [{"view": "workbench"}],
    "selection": {"component": HEAD, "position": 1},
    "snapshots": [{"name": "Snapshot 1", "interventions": [], "figures": {"kl": 0.5}}],
    "result": {
        "position": 1,
        "predicts": "next",
        "metric": {"label": "logit difference", "unit": "logits", "before": 1.5, "after": -0.25},
        "kl": 0.25,
        "top": [{"id": 2, "text": " cat", "before": 0.75, "after": 0.125}],
        "effects": {"label": "effect", "unit": "logits", "values": [[0.5, -1.0, None]] * 3},
    },
}


def full(**changes: Any) -> Document:
    """A copy of the full one, some of it changed."""
    return {**deepcopy(FULL), **changes}


TEXTS = st.text(max_size=12)
PROMPTS = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXTS | st.none(),
        "ids": st.lists(st.integers(0, 2**40), max_size=40),
        "tokens": st.lists(TEXTS, max_size=40),
    },
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | TEXTS
    | st.floats(allow_nan=False, allow_infinity=False)
)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)
LATER = st.dictionaries(TEXTS.map("later {}".format), ANYTHING, max_size=2)
ENTRIES = st.builds(
    lambda does, name, enabled, later: {
        "does": packed(does.to_json()),
        "sentence": does.sentence,
        "name": name,
        "enabled": enabled,
        **later,
    },
    INTERVENTIONS,
    TEXTS,
    st.booleans(),
    LATER,
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A valid recipe, with fields of a later program in it."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": {"name": draw(TEXTS), **draw(LATER)},
        "prompts": {"a": {**draw(PROMPTS), **draw(LATER)}, "b": draw(PROMPTS | st.none())},
        "interventions": draw(st.lists(ENTRIES, max_size=4)),
        "metric": draw(st.none() | st.just(FULL["metric"])),
        "snapshots": [
            {"name": f"{n} {name}", "interventions": draw(st.lists(ENTRIES, max_size=2))}
            for n, name in enumerate(draw(st.lists(TEXTS, max_size=2)))
        ],
        **draw(LATER),
    }
