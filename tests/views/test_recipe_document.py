"""A recipe as a document: what a page sends, what the kernel answers, what is let go."""

from __future__ import annotations

import base64
import gc
import json
import weakref

import pytest

import mechwidget as mw
from mechwidget import recipes
from mechwidget.views import recipe_document
from mechwidget.views.recipe_document import MIME

PROMPT = "The capital of France is"


@pytest.fixture(scope="module")
def text():
    with mw.Session(
        mw.load("microcosm"), PROMPT, metric=mw.LogitDiff(" Paris", " Rome")
    ) as session:
        session.ablate(mw.Head(1, 2))
        return recipes.dumps(session.to_recipe())


@pytest.fixture
def displayed(monkeypatch):
    """What is displayed: answers as JSON, everything else as itself."""
    shown = []
    monkeypatch.setattr(
        recipe_document,
        "display",
        lambda thing, raw=False: shown.append(thing[MIME] if raw else thing),
    )
    yield shown
    recipe_document.close()


def send(name, text, size=1000):
    packed = base64.b64encode(json.dumps({"name": name, "text": text}).encode()).decode()
    for at in range(0, len(packed), size):
        recipe_document.receive(packed[at : at + size])
    recipe_document.open_received()


def test_a_recipe_opens_and_its_text_is_that_of_the_session(text, displayed):
    send("capital.mech.json", text)
    workbench, answer = displayed
    assert isinstance(workbench, mw.Workbench)
    assert answer == {"open": True, "error": None}
    assert "capital.mech.json" in workbench.session.provenance
    workbench.session.disable(0)
    recipe_document.publish()
    document = recipes.loads(displayed[-1]["text"])
    assert [each["enabled"] for each in document["interventions"]] == [False]
    assert displayed[-1]["revision"] == workbench.session.revision


def test_another_page_gets_the_same_workbench(text, displayed):
    recipe_document.present()
    assert displayed == [{"open": False, "error": None}]
    send("a.mech.json", text)
    recipe_document.present()
    assert displayed[1] is displayed[3]


def test_the_one_before_is_let_go(text, displayed):
    send("a.mech.json", text)
    first = displayed[0].session
    gone = weakref.ref(first)
    send("b.mech.json", text)
    assert first.closed
    del first
    displayed.clear()
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    "bad", ["", "{", "[]", '{"format": "mechwidget.recipe"}', '{"a": 1}', '"\\u0000"']
)
def test_what_is_no_recipe_gets_a_sentence_and_leaves_what_is_open(bad, text, displayed):
    send("a.mech.json", text)
    send("a.mech.json", bad)
    assert displayed[-1]["open"] is False
    assert displayed[-1]["error"]["message"]
    assert not displayed[0].session.closed
    send("a.mech.json", text)  # what was refused is not in the way
    assert displayed[-1]["open"] is True


@pytest.mark.parametrize("name", ["../../up.mech.json", "/etc/x.mech.json", "a'b\n.mech.json"])
def test_a_name_is_only_a_name(name, text, displayed):
    send(name, text)
    assert displayed[-1]["open"] is True
