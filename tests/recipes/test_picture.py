"""A recipe as a page, from the document alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mechwidget.recipes import RecipeError, to_html, validate
from mechwidget.still import MOST_BYTES
from mechwidget.still.words import MINUS, TIMES
from tests.recipes.documents import ANYTHING, FULL, HEAD, full
from tests.still.inert import EVIL, Inert


def text_of(document):
    return Inert(to_html(document, fragment=True)).text


def test_it_shows_the_last_result_in_words():
    text = text_of(FULL)
    for told in (
        "mechwidget · tiny",
        f"3 layers {TIMES} 3 heads, float32",
        "the ·cat",
        "mover: Zero head 1.2",
        "(group “g” at 0.5)",
        "Scale head 1.2 by 0.5 (off)",
        f"logit difference: 1.5 → {MINUS}0.25 logits",
        "KL from the baseline: 0.25 nats",
        "75%",
        f"{MINUS}1.00",
        "Snapshot 1",
    ):
        assert told in text, told


def test_a_page_is_whole_and_fetches_nothing():
    html = to_html(FULL)
    assert html.startswith("<!DOCTYPE html>")
    assert html.endswith("</body></html>")
    assert not re.search(r"<script|<link|https?:|url\(", html)
    assert "prefers-color-scheme:dark" in html


def test_a_recipe_without_numbers_says_so_and_one_of_version_1_is_shown():
    bare = {name: FULL[name] for name in ("format", "version", "model", "prompts", "interventions")}
    assert "not known when it was saved" in text_of(bare)
    first = bare | {"version": 1, "model": "m", "prompt": "hello", "interventions": []}
    del first["prompts"]
    assert "hello" in text_of(first)


def test_what_is_not_understood_is_said():
    strange = full(interventions=[{"does": {"type": "warp"}, "sentence": "Warp by 9"}])
    assert "Warp by 9 (not understood here, and not done)" in text_of(strange)
    wrong = full(interventions=[{"does": {"type": "ablate"}, "sentence": "Ablate nothing"}])
    assert "Ablate nothing (not understood here, and not done)" in text_of(wrong)
    lost = full(interventions=[{"left_out": "Too long."}])
    assert "an intervention (Too long.)" in text_of(lost)


@pytest.mark.parametrize("evil", EVIL)
def test_hostile_words_are_inert(evil):
    name = evil[:60]
    result = FULL["result"] | {
        "top": [{"text": evil, "before": 0.5, "after": 0.5}],
        "metric": {"label": evil, "unit": evil, "before": 1.0, "after": 2.0},
        "effects": {"label": evil, "unit": evil, "values": [[1.0]]},
    }
    document = full(
        model={"name": evil, "dtype": evil, "heads": [1], "n_layers": 1},
        prompts={"a": {"text": evil, "tokens": [evil]}, "b": {"text": evil}},
        interventions=[{"does": {"type": evil}, "sentence": evil, "name": name, "group": name}],
        groups=[{"name": name, "strength": 0.5}],
        snapshots=[{"name": name, "interventions": [{"does": {"type": evil}}]}],
        result=result,
    )
    assert "\u202e" not in text_of(document)


def test_a_large_one_stays_small():
    head = {"does": {"type": "ablate", "component": HEAD}, "sentence": "<" * 900}
    document = full(
        prompts={"a": {"tokens": ["<<<<<<" * 20] * 5000}},
        interventions=[head] * 5000,
        model={"name": "x", "heads": [64] * 80, "n_layers": 80},
    )
    assert len(to_html(document).encode()) <= MOST_BYTES + 1000


@settings(max_examples=60, deadline=None)
@given(ANYTHING, st.sampled_from(["model", "prompts", "groups", "snapshots", "result"]))
def test_whatever_is_valid_can_be_shown(value, name):
    for document in (full(**{name: value}), without(full(), name, value)):
        if not [each for each in validate(document) if each.severity == "error"]:
            Inert(to_html(document, fragment=True))


def without(document, name, value):
    """Less and less of one part, so that most of it is still valid."""
    part = document[name]
    if isinstance(part, dict) and part:
        part.pop(sorted(part)[len(str(value)) % len(part)])
    elif part:
        part.pop()
    return document


@pytest.mark.parametrize("values", [[], [[]], [[1.0]], [[1.0] * 9] * 9, [[None] * 3] * 3])
def test_effects_that_do_not_fit_the_heads_are_drawn_as_far_as_they_go(values):
    assert "heads" in text_of(full(result={"effects": {"values": values}, "top": []}))


def test_what_is_no_recipe_is_refused():
    with pytest.raises(RecipeError, match="cannot be shown: model"):
        to_html(full(model=None))
    with pytest.raises(RecipeError, match="no recipe"):
        to_html({})
