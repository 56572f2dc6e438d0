"""What a page sees and asks of order, names, groups, snapshots, trials and scripts."""

from __future__ import annotations

import json

import pytest

import mechwidget as mw
from mechwidget.session.snapshots import LIMIT

SIX = [mw.Ablate(mw.Head(layer, head)) for layer in range(2) for head in range(3)]


def ids(page):
    return [each["id"] for each in page.state()["interventions"]]


def test_a_page_arranges_the_list(page):
    session = page.workbench.session
    session.interventions = SIX
    drawn = ids(page)
    page.ask("move", {"id": drawn[3], "to": 0})
    assert ids(page)[0] == drawn[3]
    page.ask("rename", {"id": drawn[3], "name": "mover"})
    page.ask("group", {"ids": [drawn[0], drawn[1]], "name": "two"})
    state = page.state()
    (group,) = state["groups"]
    assert group == {"id": group["id"], "name": "two", "strength": 1.0, "scaled": 2}
    assert state["interventions"][0]["name"] == "mover"
    assert [each.get("group") for each in state["interventions"]] == [None, *[group["id"]] * 2] + [
        None
    ] * 3
    page.ask("set_group_enabled", {"group": group["id"], "enabled": False})
    assert session.disabled == {SIX[0], SIX[1]}
    page.ask("scale_group", {"group": group["id"], "strength": 0.5, "drag": 1})
    page.ask("rename", {"group": group["id"], "name": "pair"})
    page.ask("move", {"group": group["id"], "to": 4})
    assert session.interventions[4:] == (SIX[0], SIX[1])
    assert page.state()["undo"] == "Another order"
    page.ask("ungroup", {"group": group["id"]})
    page.ask("undo")
    assert page.state()["redo"] == "Ungroup “pair”"
    page.ask("remove_group", {"group": group["id"]})
    assert len(session.interventions) == 4


def test_what_fired_is_told_for_each_edit_by_its_id(page):
    session = page.workbench.session
    session.interventions = [
        mw.Scale(mw.MLP(1), 1.0),
        mw.Ablate(mw.Head(1, 2)),
        SIX[0],
    ]
    session.disable(1)
    drawn = ids(page)
    idle, edit = page.state()["outcome"]["edits"]
    assert idle == {"id": drawn[0], "change": 0.0, "reason": "scaling by 1 changes nothing"}
    assert edit["id"] == drawn[2]
    (fired,) = [each for each in session.result.fired if each.intervention == 1]
    assert edit["change"] == pytest.approx(fired.change)
    assert edit["reason"] == ""


def test_a_page_takes_snapshots_compares_and_restores_them(page):
    session = page.workbench.session
    page.state()
    page.ask("take_snapshot", {"name": "start"})
    session.ablate(mw.Head(1, 2))
    page.state()
    page.ask("take_snapshot")
    session.wait()
    first, second = session_snapshots(page)
    assert (first["name"], second["name"]) == ("start", "Snapshot 2")
    assert (first["current"], second["current"]) == (False, True)
    assert second["metric"] == session.metric_value
    assert (second["edits"], second["said"]) == (1, "Zero head 1.2")
    found, _ = page.ask("compare_snapshots", {"one": "start", "other": "Snapshot 2"})
    assert found["metric"] == [first["metric"], second["metric"]]
    assert (found["only_one"], found["only_other"]) == ([], ["Zero head 1.2"])
    assert found["kl"] == pytest.approx(session.outcome.kl)
    page.ask("rename_snapshot", {"name": "Snapshot 2", "to": "edited"})
    page.ask("restore_snapshot", {"name": "start"})
    assert session.interventions == ()
    page.ask("delete_snapshot", {"name": "start"})
    assert list(session.snapshots) == ["edited"]
    error, _ = page.ask("restore_snapshot", {"name": "start"})
    assert error["type"] == "SnapshotError"


def session_snapshots(page):
    return json.loads(json.dumps(page.workbench._current()["snapshots"]))


def test_a_page_goes_back_to_what_was_tried(page):
    session = page.workbench.session
    page.state()
    session.ablate(mw.Head(1, 2))
    state = page.state()
    assert [each["said"] for each in state["tried"]] == ["Start", "Zero head 1.2"]
    assert state["trial"] == state["tried"][1]["id"]
    assert state["tried"][1]["value"] == session.metric_value
    page.ask("go_back", {"id": state["tried"][0]["id"]})
    assert session.interventions == ()
    assert page.state()["trial"] == state["tried"][0]["id"]


def test_a_page_gets_scripts_or_the_reason_why_not(page):
    session = page.workbench.session
    session.ablate(mw.Head(1, 2))
    answer, _ = page.ask("code", {"style": "mechwidget"})
    assert answer == {"style": "mechwidget", "code": session.code()}
    session.interventions = [mw.Freeze("norm")]
    refused, _ = page.ask("code", {"style": "transformer_lens"})
    with pytest.raises(mw.MechwidgetError) as told:
        session.code("transformer_lens")
    assert (refused["message"], refused["hint"]) == (told.value.message, told.value.hint)


def test_nonsense_is_refused_and_changes_nothing(page):
    session = page.workbench.session
    session.interventions = SIX
    (one, *_), before = ids(page), session.now().state
    for op, args in [
        ("move", {"id": one}),
        ("move", {"id": one, "to": 99}),
        ("move", {"id": 10**9, "to": 0}),
        ("move", {"group": 10**9, "to": 0}),
        ("rename", {"id": one, "name": 3}),
        ("rename", {"id": one, "name": "x" * 200}),
        ("group", {"ids": []}),
        ("group", {"ids": "all"}),
        ("group", {"ids": [one, {}]}),
        ("ungroup", {"group": one + 10**6}),
        ("scale_group", {"group": 1, "strength": "much", "drag": 0}),
        ("take_snapshot", {"name": ""}),
        ("take_snapshot", {"title": "x"}),
        ("restore_snapshot", {"name": 4}),
        ("compare_snapshots", {"one": "a", "other": "b"}),
        ("go_back", {"id": -1}),
        ("go_back", {"id": 10**6}),
        ("code", {"style": "poetry"}),
    ]:
        error, _ = page.ask(op, args)
        assert error["message"], op
    assert session.now().state == before
    assert list(session.snapshots) == []


def test_without_a_kernel_what_was_kept_is_a_table(page):
    session = page.workbench.session
    session.ablate(mw.Head(1, 2))
    session.rename(0, "<b>mover</b>")
    session.take_snapshot("<i>kept</i>")
    with mw.Outcome(session) as outcome, mw.Interventions(session) as interventions:
        shown = [view._repr_mimebundle_()[0]["text/html"] for view in (outcome, interventions)]
    assert "&lt;i&gt;kept&lt;/i&gt;</td><td>Zero head 1.2" in shown[0]
    assert "<b>&lt;b&gt;mover&lt;/b&gt;</b>: Zero head 1.2" in shown[1]


def test_what_is_kept_stays_small_in_the_notebook(page):
    session = page.workbench.session
    names = [f"{n} {'x' * 50}" for n in range(LIMIT)]
    for nth, name in enumerate(names):
        session.toggle(mw.Scale(mw.Head(nth % 3, nth % 2), nth / 10))
        session.wait()
        session.take_snapshot(name)
    shown = page.workbench._current()  # taking one is no revision that could be waited for
    kept = {key: shown[key] for key in ("tried", "snapshots", "undo", "redo", "groups")}
    assert len(kept["tried"]) == len(kept["snapshots"]) == 40
    assert len(json.dumps(kept)) < 16_000
