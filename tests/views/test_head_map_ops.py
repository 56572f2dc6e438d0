"""What a head map asks, without a browser: the menu, the numbers, and many edits at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.views.ops.head_map import MOST_EDITS
from tests.session.tiny import SECONDS


def head(layer, head_):
    return {"type": "head", "layer": layer, "head": head_}


def zero(component):
    return {"type": "ablate", "mode": "zero", "component": component}


def test_the_menu_says_what_there_is_and_what_it_lacks(page):
    session = page.workbench.session
    menu = {one["name"]: one for one in page.ask("score_menu")[0]["scores"]}
    assert [one.name for one in session.known_scores] == list(menu)
    assert menu["effect"]["unit"] == "logits"
    assert menu["effect"]["scale"] == "diverging"
    assert menu["induction"]["range"] == [0, 1]
    assert menu["direct_attribution"]["missing"] == ""
    assert menu["attribution_patching"]["missing"] == "needs a prompt B"
    page.ask("set_metric")
    session.score_heads("mine", np.ones((3, 3)), unit="share")
    menu = {one["name"]: one for one in page.ask("score_menu")[0]["scores"]}
    assert "metric" in menu["direct_attribution"]["missing"]
    assert (menu["effect"]["unit"], menu["effect"]["scale"]) == ("nats", "sequential")
    assert menu["mine"]["unit"] == "share"
    assert len(json.dumps(menu)) < 8_000


def test_the_page_hears_of_new_numbers(page):
    before = page.state()["scores"]
    page.workbench.session.score_heads("mine", np.ones((3, 3)))
    assert page.state()["scores"] != before


def test_numbers_come_as_one_frame(page):
    session = page.workbench.session
    for name in ("previous_token", "direct_attribution", "effect", "copying"):
        result, (grid,) = page.ask("score", {"name": name, "edited": False})
        expected = session.scores(name).result(SECONDS)
        np.testing.assert_array_equal(grid, expected.grid)
        assert grid.shape == (3, 6)
        assert (result["name"], result["reason"]) == (name, expected.reason)
    said = page.ask("score", {"name": "effect"})[0]
    assert (said["unit"], said["scale"], said["range"]) == ("logits", "diverging", None)
    assert said["label"] == f"change of {session.now().state.bound.label}"
    page.ask("set_metric")
    said = page.ask("score", {"name": "effect"})[0]
    assert (said["unit"], said["label"]) == ("nats", "KL from the baseline")


def test_a_score_with_the_edits_is_another_one(page):
    page.ask("toggle", {"component": {"type": "mlp", "layer": 0}})
    (before,), (after,) = (
        page.ask("score", {"name": "induction", "edited": edited})[1] for edited in (False, True)
    )
    assert not np.allclose(before, after, equal_nan=True)


def test_a_range_is_one_step(page):
    session = page.workbench.session
    wanted = [zero(head(1, index)) for index in range(3)]
    assert page.ask("apply_many", {"interventions": wanted})[0] == {"revision": 1}
    assert session.interventions == tuple(mw.Ablate(mw.Head(1, index)) for index in range(3))
    ids = [one["id"] for one in page.state()["interventions"]]
    page.ask("apply_many", {"interventions": [zero(head(0, 0))], "remove": ids[1:]})
    assert session.interventions == (mw.Ablate(mw.Head(1, 0)), mw.Ablate(mw.Head(0, 0)))
    page.ask("undo")
    page.ask("undo")
    assert session.interventions == ()


def test_what_the_page_leaves_out_is_completed_for_each(page):
    session = page.workbench.session
    session.other_prompt = "the dog ran under the rug and the cat slept"
    patch = [{"type": "patch", "component": head(0, index)} for index in range(2)]
    page.ask("apply_many", {"interventions": patch})
    assert [each.source for each in session.interventions] == [session.other_prompt] * 2


def test_a_range_can_be_steered(page):
    session = page.workbench.session
    direction = {"from": "token", "token": session.model.token_id("mat")}
    spec = {"type": "steer", "mode": "add", "coefficient": 0.3, "unit": "share"}
    spec["direction"] = direction
    parts = [{"type": "residual", "layer": layer, "end": "post"} for layer in range(2)]
    page.ask("apply_many", {"interventions": [spec | {"component": part} for part in parts]})
    assert [each.kind for each in session.interventions] == ["steer", "steer"]
    page.ask("undo")
    assert session.interventions == ()


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"interventions": "all"}, "a list"),
        ({"interventions": [7]}, "an object"),
        ({"interventions": [zero(head(0, 9))]}, "3 heads"),
        ({"interventions": [zero(head(0, 0))] * (MOST_EDITS + 1)}, "choose fewer cells"),
        ({"remove": [True]}, "whole number"),
        ({"remove": [987654]}, "not in the list any more"),
        ({"cells": []}, "no argument"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(page, args, why):
    error, _ = page.ask("apply_many", args)
    assert why in error["message"]
    assert page.workbench.session.interventions == ()


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"name": "beauty"}, "previous_token"),
        ({"name": 3}, "text"),
        ({"name": "effect", "edited": 1}, "true or false"),
        ({"name": "attribution_patching"}, "needs a prompt B"),
    ],
)
def test_scores_that_there_are_not_are_refused(page, args, why):
    error, frames = page.ask("score", args)
    assert frames is None
    assert why in error["message"]


def test_the_page_asks_for_no_more_than_is_listed():
    source = Path(__file__).parents[2] / "js" / "views" / "map-edits.ts"
    assert f"export const MOST_EDITS = {MOST_EDITS};" in source.read_text()
