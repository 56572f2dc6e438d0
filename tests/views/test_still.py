"""Without a kernel each view shows a still picture that is true to its last result."""

from __future__ import annotations

import time

import pytest

import mechwidget as mw
from mechwidget import views
from mechwidget.still import MOST_BYTES
from mechwidget.still.words import exact, percent, signed
from mechwidget.views import still_numbers as numbers
from mechwidget.views.tables import TABLES
from tests.session.tiny import PROMPT, brake
from tests.still.inert import EVIL, Inert

VIEWS = [getattr(views, name) for name in views.__all__ if name != "explore"]


@pytest.fixture(scope="module")
def session(model):
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        session.other_prompt = "the dog sat on a rug"
        session.ablate(mw.Head(1, 2))
        session.take_snapshot("kept")
        yield session


def text_of(view, session):
    with view(session) as shown:
        html = shown.snapshot()
    assert len(html.encode()) <= MOST_BYTES
    return Inert(html).text


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_every_view_shows_more_than_the_prompt_and_stays_small(view, session):
    text = text_of(view, session)
    assert "tiny" in text
    assert "live notebook" in text
    assert len(text) > 150


def test_the_head_map_prints_the_effect_of_every_head(session):
    text = text_of(mw.HeadMap, session)
    for row in session.effects().result()[:, :3].tolist():
        for value in row:
            assert signed(value) in text


def test_the_attention_is_that_of_the_head_that_was_looked_at(model):
    with mw.Session(model, PROMPT) as session:
        session.select(mw.Head(2, 1))
        pattern = session.pattern(mw.Head(2, 1)).result()
        text = text_of(mw.AttentionView, session)
        assert "Head 2.1" in text
        strongest = max(float(share) for row in pattern.tolist() for share in row[1:])
        assert f": {percent(strongest)}" in text
        session.select(None)
        session.ablate(mw.Head(1, 0))
        assert "Head 1.0" in text_of(mw.AttentionView, session)


def test_a_pattern_that_the_edits_change_is_shown_before_and_after(model):
    with mw.Session(model, PROMPT) as session:
        session.select(mw.Head(2, 1))
        assert "before:" not in text_of(mw.AttentionView, session)
        session.ablate(mw.MLP(0))
        text = text_of(mw.AttentionView, session)
        assert "before:" in text
        assert "after:" in text


def test_the_outcome_has_its_numbers_and_bars(session):
    text = text_of(mw.Outcome, session)
    before, after = exact(session.baseline_metric_value), exact(session.metric_value)
    assert f"{before} → {after} logits" in text
    for change in session.outcome.top:
        assert percent(change.after) in text
    assert "kept" in text


def test_the_lens_says_the_words_of_the_last_layer(session):
    table = mw.LensView.table
    with mw.LensView(session) as shown:
        words = table(shown, sublayers=("resid_post",)).columns["top"]
        html = shown.snapshot()
    text = Inert(html).text
    assert "after L2" in text
    assert words[-1] in text


def test_the_neurons_are_those_that_fire_most(session):
    with mw.NeuronsView(session) as shown:
        columns = shown.table(k=4).columns
        text = Inert(shown.snapshot()).text
    most = max(range(len(columns["after"])), key=lambda row: abs(columns["after"][row]))
    assert f"{columns['layer'][most]}{columns['neuron'][most]}" in text


def test_the_continuation_is_written_out(session):
    written = session.continuation().result()
    text = text_of(mw.Continuation, session)
    assert written.baseline[0].text.strip() in text.partition("baseline:")[2]


def test_prompt_b_and_what_is_measured_stand_in_the_strip(session):
    text = text_of(mw.TokenStrip, session)
    assert "Prompt B" in text
    assert "Measured: logit difference mat" in text


def test_a_view_without_a_picture_shows_its_table(session, monkeypatch):
    class Plain(mw.Outcome):
        view = "plain"

        @staticmethod
        def snapshot_parts(state):
            return []

    def plain(session, *, rows=3):
        return TABLES["outcome"](session)

    monkeypatch.setitem(TABLES, "plain", plain)
    assert "probability after" in text_of(Plain, session)


def test_what_does_not_come_in_time_is_left_out_and_the_cell_goes_on(model, monkeypatch):
    """A slow model holds no cell up for longer than it is allowed to."""
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "dog")) as session:
        session.wait()
        with mw.HeadMap(session) as shown, brake(model, 0.2):
            began = time.monotonic()
            text = Inert(shown.snapshot()).text
            assert time.monotonic() - began < 5
    assert "Largest" not in text
    assert "2.2" in text  # the heads by name


def test_what_fails_is_left_out(session, monkeypatch):
    def broken(*_):
        raise RuntimeError("no")

    monkeypatch.setattr(numbers, "_effects", broken)
    assert "Largest" not in text_of(mw.HeadMap, session)


def test_a_closed_session_still_has_a_picture(model):
    session = mw.Session(model, PROMPT)
    session.wait()
    with mw.Workbench(session) as shown:
        eventually_ready(shown)
        session.close()
        assert "tiny" in Inert(shown.snapshot()).text


def eventually_ready(shown):
    ends = time.monotonic() + 10
    while shown.state["phase"] != "ready":
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.parametrize("evil", EVIL[:3])
def test_hostile_names_are_inert(model, evil):
    with mw.Session(model, PROMPT) as session:
        session.ablate(mw.Head(0, 0))
        session.rename(0, evil)
        session.take_snapshot(evil)
        with mw.Workbench(session) as shown:
            state = {**shown.state, "numbers": {"pattern": hostile_pattern(evil)}}
            state["model"] = {**state["model"], "name": evil}
            text = Inert(views_html(shown, state)).text
    assert "\u202e" not in text


def hostile_pattern(evil):
    matrix = [[1.0, 0.0], [0.0, 1.0]]
    return {
        "name": evil,
        "before": matrix,
        "after": None,
        "queries": [evil] * 2,
        "keys": [evil] * 2,
    }


def views_html(shown, state):
    from mechwidget.views.snapshot_html import snapshot_html

    return snapshot_html(state, shown.snapshot_parts(state))


def test_a_loaded_session_says_on_the_page_what_is_different(model, tmp_path):
    with mw.Session(model, PROMPT) as session:
        document = session.to_recipe()
    document["interventions"] = [{"does": {"type": "warp"}, "sentence": "Warp"}]
    with mw.Session.from_recipe(document, model, name="x.mech.json") as again:
        again.wait()
        with mw.Workbench(again) as shown:
            told = shown._current()["loaded"]
            saved = again.to_recipe()
    assert told["differences"] == 1
    assert "“Warp” is kept and not done" in told["sentence"]
    assert saved["views"] == [{"view": "workbench"}]
