"""What is wrong with a recipe is said where it is, in a sentence; what is only new is a note."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mechwidget.recipes import Problem, RecipeError, dumps, migrate, read, schema, validate
from tests.recipes.documents import ANYTHING, FULL, HEAD, full

ABLATE = {"type": "ablate", "component": HEAD}


def test_the_schema_is_one_and_the_full_recipe_is_valid():
    Draft202012Validator.check_schema(schema())
    assert validate(FULL) == []


SHORT = {"dtype": "float32", "shape": [3], "base64": "AAAA"}
CASES = {
    "no model": ({"model": None}, "model", "It is null; expected an object."),
    "a name that is a number": (
        {"model": {"name": 3}},
        "model.name",
        "It is a number; expected text.",
    ),
    "no prompt": ({"prompts": {}}, "prompts", "It has no “a”."),
    "ids of text": (
        {"prompts": {"a": {"ids": ["x"]}}},
        "prompts.a.ids[0]",
        "It is text; expected a whole number.",
    ),
    "negative ids": (
        {"prompts": {"a": {"ids": [-1]}}},
        "prompts.a.ids[0]",
        "It is -1; the least is 0.",
    ),
    "interventions as an object": (
        {"interventions": {}},
        "interventions",
        "It is an object; expected a list.",
    ),
    "an empty entry": ({"interventions": [{}]}, "interventions[0]", "It has no “does”."),
    "a kind that is none": (
        {"interventions": [{"does": {"type": 1}}]},
        "interventions[0].does.type",
        "It is a number; expected text.",
    ),
    "a head of text": (
        {"interventions": [{"does": {**ABLATE, "component": {**HEAD, "head": "2"}}}]},
        "interventions[0].does",
        "head head is '2'; expected an integer.",
    ),
    "half a metric": ({"metric": {"type": "logit_diff", "a": "x"}}, "metric", "It has no “b”."),
    "a switch of text": (
        {"interventions": [{"does": ABLATE, "enabled": "yes"}]},
        "interventions[0].enabled",
        "It is text; expected true or false.",
    ),
    "a probability": (
        {"result": {"top": [{"text": "x", "before": 2.0, "after": 0.5}]}},
        "result.top[0].before",
        "It is 2.0; the most is 1.",
    ),
    "a direction without numbers": (
        {"directions": [{"name": "d"}]},
        "directions[0]",
        "It has no “values”.",
    ),
    "numbers that are cut off": (
        {
            "directions": [
                {"name": "d", "values": {"dtype": "float32", "shape": [3], "base64": "AAAA"}}
            ]
        },
        "directions[0].values",
        "There are 3 bytes; the shape [3] takes 12.",
    ),
    "two snapshots of one name": (
        {"snapshots": [{"name": "s", "interventions": []}] * 2},
        "snapshots[1].name",
        "Another has the name “s” already.",
    ),
    "NaN": ({"result": {"kl": float("nan")}}, "result.kl", "It is nan, which is no number."),
}


@pytest.mark.parametrize(("change", "path", "message"), CASES.values(), ids=CASES.keys())
def test_each_mistake_has_its_sentence(change, path, message):
    assert Problem(path, message) in validate(full(**change))


def test_what_is_not_known_here_is_a_note_and_not_an_error():
    document = full(
        interventions=[{"does": {"type": "warp", "by": 9}}], metric={"type": "surprise"}
    )
    found = validate(document)
    assert [(each.path, each.severity) for each in found] == [
        ("interventions[0].does.type", "note"),
        ("metric.type", "note"),
    ]
    assert "kept and not done" in found[0].message
    assert read(dumps(document))[1] == found


def test_one_bad_intervention_does_not_keep_the_rest_from_being_read():
    bad = {"does": {**ABLATE, "component": {**HEAD, "head": "2"}}}
    document, notes = read(dumps(full(interventions=[bad])))
    assert document["interventions"] == [bad]
    assert [each.path for each in notes] == ["interventions[0].does"]
    with pytest.raises(RecipeError, match=r"1 problem: model: It is null"):
        read(dumps(full(model=None)))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "no recipe"),
        ([], "no recipe"),
        (None, "no recipe"),
        ({"format": "something else"}, "no recipe"),
        (full(version=None), "version is None"),
        (full(version=True), "version is True"),
        (full(version=99), "version 99; this mechwidget reads up to 2. Upgrade"),
    ],
)
def test_what_is_no_recipe_is_one_problem(document, said):
    (problem,) = validate(document)
    assert said in problem.message
    with pytest.raises(RecipeError):
        migrate(document)


@settings(max_examples=40, deadline=None)
@given(ANYTHING, st.sampled_from(sorted(FULL)))
def test_whatever_stands_somewhere_is_a_list_of_problems_and_never_a_crash(value, name):
    for problem in validate(full(**{name: value})):
        assert problem.message.endswith(".")
        assert len(problem.message) < 600


def test_a_document_that_is_too_deep_is_a_problem():
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    (problem,) = validate(full(title=deep))
    assert "deep" in problem.message


def test_a_thousand_mistakes_are_fifty():
    assert len(validate(full(interventions=[{}] * 1000))) == 50


LIGHT = """
import json, sys
from mechwidget import recipes
document = json.loads(sys.stdin.read())
recipes.validate(document), recipes.to_html(document), recipes.difference(document, document)
heavy = ("torch", "transformers", "ipywidgets", "IPython", "numpy")
print([name for name in heavy if name in sys.modules])
"""


def test_a_server_needs_neither_torch_nor_a_notebook_for_any_of_it():
    done = subprocess.run(
        [sys.executable, "-c", LIGHT],
        input=json.dumps(FULL),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
