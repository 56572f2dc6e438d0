"""What a process says of its sessions, without any kernel."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import pytest

import mechwidget as mw
from mechwidget.live import roster
from mechwidget.live.answering import answer
from tests.session.tiny import PROMPT, tiny_model


def listed():
    told = answer({"op": "sessions"})
    assert told["status"] == "ok"
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    return told["sessions"]


def act(session, action, **arguments):
    content = {"op": "act", "session": session.id, "action": action, "arguments": arguments}
    return answer(content)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture
def session(model):
    with mw.Session(model, PROMPT, mw.Probability(" cat")) as made:
        yield made


def test_a_session_describes_itself(model):
    before = len(listed())
    with mw.Session(model, PROMPT, mw.Probability("cat")) as session:
        session.ablate(mw.Head(1, 2), mw.MLP(0))
        session.disable(1)
        session.wait()
        (told,) = (each for each in listed() if each["id"] == session.id)
        assert told["prompt"] == PROMPT
        assert told["tokens"] == len(PROMPT.split())
        assert [each["enabled"] for each in told["interventions"]] == [True, False]
        assert told["interventions"][0]["sentence"] == session.interventions[0].sentence
        assert told["metric"]["before"] == pytest.approx(session.baseline_metric_value)
        assert told["metric"]["after"] == pytest.approx(session.metric_value)
        parameters = list(model.model.parameters())
        assert told["model"]["parameters"] == sum(each.numel() for each in parameters)
        assert told["model"]["bytes"] == 4 * told["model"]["parameters"]
        assert (told["phase"], told["redo"]) == ("ready", None)
        assert told["undo"].startswith("Switch off")
    assert len(listed()) == before


def test_numbers_of_another_state_are_not_told(model):
    with mw.Session(model, PROMPT, mw.Probability("cat")) as session:
        session.wait()
        with session._lock:  # the numbers cannot come in before we look
            session.ablate(mw.Head(0, 0))
            (told,) = (each for each in listed() if each["id"] == session.id)
        if told["phase"] == "running":
            assert told["metric"]["after"] is None


def test_a_session_that_was_dropped_is_gone_by_itself(model):
    session = mw.Session(model, PROMPT)
    session.wait()
    id_ = session.id
    assert id_ in {each["id"] for each in listed()}
    del session
    gc.collect()
    assert id_ not in {each["id"] for each in listed()}


def test_a_long_prompt_and_a_long_list_are_cut(model):
    words = " ".join(["the"] * 32)
    with mw.Session(model, words) as session:
        (told,) = (each for each in listed() if each["id"] == session.id)
        assert len(told["prompt"]) <= 400
    every = [mw.SetValue(mw.Neuron(0, n), v) for n in range(96) for v in (0.5, 1.0, 2.0)]
    with mw.Session(model, PROMPT) as session:
        session.interventions = every
        (told,) = (each for each in listed() if each["id"] == session.id)
        assert len(told["interventions"]) == 200
        assert told["interventions_total"] == len(session.interventions)


def test_what_a_panel_does_is_what_code_does(session):
    session.ablate(mw.Head(1, 2), mw.MLP(0))
    first, second = session.interventions
    id_ = next(e for e in listed() if e["id"] == session.id)["interventions"][1]["id"]
    assert act(session, "disable", which=id_)["session"]["interventions"][1]["enabled"] is False
    assert session.disabled == {second}
    act(session, "enable", which=id_)
    assert session.disabled == frozenset()
    assert act(session, "undo")["status"] == "ok"
    assert session.disabled == {second}
    act(session, "redo")
    assert session.disabled == frozenset()
    assert session.interventions == (first, second)


def test_a_change_that_was_meant_for_another_revision_is_refused(session):
    session.ablate(mw.Head(1, 2))
    revision = session.revision
    session.ablate(mw.Head(0, 0))
    refused = act(session, "undo", revision=revision)
    assert refused["status"] == "error"
    assert "changed" in refused["error"]["message"]
    assert len(session.interventions) == 2
    assert act(session, "undo", revision=session.revision)["status"] == "ok"


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"op": "eval", "code": "1"},
        {"op": "act"},
        {"op": "act", "session": 1, "action": "undo"},
        {"op": "act", "session": "nobody", "action": "undo", "arguments": {}},
        {"op": "act", "session": "nobody", "action": "undo", "arguments": []},
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(content):
    refused = answer(content)
    assert refused["status"] == "error"
    assert refused["error"]["message"].endswith((".", "?"))


@pytest.mark.parametrize("action", ["close", "__class__", "ablate", ""])
def test_only_what_a_panel_needs_can_be_done(session, action):
    assert act(session, action)["error"]["type"] == "ProtocolError"
    assert not session.closed


@pytest.mark.parametrize("which", [None, "0", 1.5, True, 10**9, -1])
def test_an_entry_that_is_not_listed_cannot_be_switched(session, which):
    session.ablate(mw.Head(1, 2))
    assert act(session, "disable", which=which)["error"]["type"] == "InterventionError"
    assert session.disabled == frozenset()


def test_listeners_hear_of_every_change(model):
    heard = []

    def listener(*, opened_or_closed):
        heard.append(opened_or_closed)

    roster.listen(listener)
    try:
        session = mw.Session(model, PROMPT)
        assert heard[0] is True
        session.wait()
        count = len(heard)
        session.ablate(mw.Head(0, 0))
        assert len(heard) > count
        session.wait()
        session.close()
        assert heard[-1] is True
    finally:
        roster._listeners.remove(listener)


LIGHT = """
import sys
import mechwidget.live
from mechwidget.live.answering import answer
assert answer({"op": "sessions"})["sessions"] == []
print([name for name in ("torch", "transformers", "ipykernel", "IPython") if name in sys.modules])
"""


def test_it_costs_nothing_and_brings_in_nothing():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
