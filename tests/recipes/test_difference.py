"""What lies between two recipes is what a person would say lies between them."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mechwidget.recipes import Change, difference, with_unknown
from tests.recipes.documents import FULL, documents, full

LAWS = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def said(old, new):
    return [change.sentence for change in difference(old, new)]


def entry(layer, **more):
    component = {"type": "head", "layer": layer, "head": 0}
    does = {"type": "ablate", "component": component}
    return {"sentence": f"Zero head {layer}.0", "does": does, **more}


def test_an_intervention_is_found_again_wherever_it_stands():
    old = full(interventions=[entry(0), entry(1), entry(2)])
    new = full(interventions=[entry(2), entry(0, enabled=False), entry(3)])
    assert [str(change) for change in difference(old, new)] == [
        "interventions[1]: The intervention “Zero head 1.0” is gone.",
        "interventions[1].enabled: It is switched off (intervention 2).",
        "interventions[2]: The intervention “Zero head 3.0” came.",
        "interventions: The interventions are in another order.",
    ]


def test_another_strength_is_a_change_and_no_farewell():
    scaled = deepcopy(FULL["interventions"][1])
    scaled["does"]["factor"] = 2.0
    new = full(interventions=[FULL["interventions"][0], scaled])
    (change,) = difference(FULL, new)
    assert change.path == "interventions[1].does"
    assert (change.before["factor"], change.after["factor"]) == (0.5, 2.0)


def test_sentences_of_everything_else():
    new = full(
        model={**FULL["model"], "dtype": "bfloat16", "weights_hash": "sha256:1"},
        metric=None,
        directions=[],
        groups=[{"name": "g", "strength": 1.0}],
        written={"by": "somebody", "at": "some time"},
    )
    new["prompts"]["a"] = {"text": "the mat", "ids": [1, 2], "tokens": ["the", " cat"]}
    new["result"]["metric"]["after"] = 0.75
    assert said(FULL, new) == [
        "The dtype (model) was “float32”, and is “bfloat16”.",
        "The weights of the model differ.",
        "The text of prompt A was “the cat”, and is “the mat”.",
        "The strength (group 1) went from 0.5 to 1.",
        "Gone: the metric, “logit_diff”.",
        "The direction “truth” is gone.",
        "The after (result, metric) went from -0.25 to 0.75.",
    ]


@LAWS
@given(documents(), documents())
def test_nothing_lies_between_a_recipe_and_itself_and_something_between_others(one, other):
    assert difference(one, one) == difference(one, deepcopy(one)) == []
    changes = difference(one, other)
    assert bool(changes) == (told(one) != told(other))
    for change in changes:
        assert change.sentence.endswith((".", "…"))
        assert len(change.sentence) < 400
        assert Change(change.path, change.before, change.after) == change


@LAWS
@given(documents(), st.randoms())
def test_unknown_fields_survive_at_every_level_in_any_order(document, random):
    """What a program that knows only the schema would write back, with the strange parts again."""
    known = known_part(document)
    random.shuffle(known["interventions"])
    whole = with_unknown(known, document)
    assert known_part(whole) == known
    for name, value in document.items():
        if name.startswith("later"):
            assert whole[name] == value
    assert whole["model"] == document["model"]
    assert whole["prompts"]["a"] == document["prompts"]["a"]
    if unlike(document["interventions"]):
        for each in document["interventions"]:
            assert each in whole["interventions"]


def told(value):
    """Without what is no difference: nothing instead of null, and the same again in words."""
    if isinstance(value, dict):
        known = {k: told(v) for k, v in value.items() if v is not None}
        return {k: v for k, v in known.items() if k != "sentence" or "does" not in known}
    return [told(each) for each in value] if isinstance(value, list) else value


def known_part(value):
    if isinstance(value, dict):
        return {k: known_part(v) for k, v in value.items() if not k.startswith("later")}
    return [known_part(each) for each in value] if isinstance(value, list) else value


def unlike(entries):
    return len({str(each["does"]) for each in entries}) == len(entries)
