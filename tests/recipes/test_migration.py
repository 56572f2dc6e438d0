"""Older recipes become newer ones; what no version knows goes along."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest

from mechwidget.recipes import VERSION, RecipeError, dumps, migrate, read, validate
from tests.recipes.documents import FULL

FIRST = json.loads(Path(__file__).with_name("version_1.mech.json").read_text())


def test_version_1_becomes_the_newest():
    before = deepcopy(FIRST)
    new = migrate(FIRST)
    assert before == FIRST
    assert new["version"] == VERSION
    assert [each for each in validate(new) if each.severity == "error"] == []
    assert new["model"] == {
        "name": "microcosm",
        "loaded_from": "microcosm",
        "dtype": "float32",
    }
    assert new["prompts"] == {
        "a": {"text": "The capital of France is"},
        "b": {"text": "The capital of Italy is"},
        "reference": [{"text": "Tom and Ann"}, {"ids": [0, 408, 498]}],
    }
    head = {"type": "head", "layer": 0, "head": 2}
    first, second, third = new["interventions"]
    assert first == {
        "name": "mover",
        "enabled": True,
        "does": {"type": "ablate", "component": head},
    }
    assert (second["enabled"], second["does"]["factor"]) == (False, 0.5)
    assert third == {"does": {"type": "warp", "by": 9}}  # not known then or now
    assert new["directions"] == [{"name": "along", "values": [0.5, 1.0, 1.5, 2.0]}]
    assert new["snapshots"][0]["prompts"] == {"a": {"text": "The capital of Spain is"}}
    assert new["colour"] == "of a later program"


def test_the_newest_version_stays_as_it_is():
    assert migrate(FULL) == FULL
    assert migrate(FULL) is not FULL
    assert migrate(migrate(FIRST)) == migrate(FIRST)


@pytest.mark.parametrize(
    "change",
    [
        {"model": 3},
        {"prompt": None, "model": None},
        {"interventions": {"a": 1}},
        {"interventions": [3]},
        {"interventions": None},
        {"directions": [1]},
        {"directions": {"a": ["x"]}},
        {"snapshots": [{"name": "x"}]},
        {"reference": 4},
    ],
)
def test_what_is_not_what_its_version_has_is_a_sentence(change):
    with pytest.raises(RecipeError, match=r"version 1|The recipe has \d+ problem") as told:
        read(dumps(FIRST | change))
    assert len(str(told.value)) < 600


@pytest.mark.parametrize("name", ["model", "prompt", "interventions"])
def test_what_is_missing_is_named(name):
    with pytest.raises(RecipeError, match=name):
        migrate({key: value for key, value in FIRST.items() if key != name})
