"""Recipes as documents over REST: judged, compared, and shown as a page that can do nothing."""

from __future__ import annotations

import re

import pytest

from mechwidget.recipes import to_html
from tests.server.documents import recipe
from tests.server.jupyter import address

HOSTILE = '</title><script>alert(1)</script><img src=x onerror="alert(2)">'
NEW = {"If-None-Match": "*"}


def put(jupyter, path, document):
    assert jupyter.http.put(address(path), json=document, headers=NEW).status_code == 201


def test_a_document_is_judged_without_being_stored(jupyter, root):
    fine = jupyter.http.post("/validate", json={"document": recipe()})
    assert fine.json() == {"valid": True, "version": 2, "problems": []}
    wrong = recipe(prompts={"a": {"text": 3}}, interventions="none")
    told = jupyter.http.post("/validate", json={"document": wrong}).json()
    assert not told["valid"]
    assert {"interventions", "prompts.a.text"} <= {each["path"] for each in told["problems"]}
    unknown = recipe(interventions=[{"does": {"type": "of the future"}}])
    told = jupyter.http.post("/validate", json={"document": unknown}).json()
    assert told["valid"]
    assert [each["severity"] for each in told["problems"]] == ["note"]
    assert list(root.iterdir()) == []


def test_a_stored_recipe_is_judged_by_its_path(jupyter, root):
    put(jupyter, "a.mech.json", recipe())
    assert jupyter.http.post("/validate", json={"path": "a.mech.json"}).json()["valid"]
    assert jupyter.http.post("/validate", json={"path": "b.mech.json"}).status_code == 404
    assert jupyter.http.post("/validate", json={"path": "../b.mech.json"}).status_code == 400


@pytest.mark.parametrize(
    "side",
    [{}, {"path": 1}, {"document": []}, {"path": "a.mech.json", "document": {}}, {"path": None}],
)
def test_a_side_is_a_path_or_a_document(jupyter, root, side):
    refused = jupyter.http.post("/validate", json=side)
    assert refused.status_code == 400
    assert "`path`" in refused.json()["error"]["message"]
    assert jupyter.http.post("/difference", json={"old": side, "new": side}).status_code == 400


def test_what_changed_is_told_in_sentences(jupyter, root):
    put(jupyter, "old.mech.json", recipe())
    new = recipe(prompts={"a": {"text": "The capital of Italy is"}})
    body = {"old": {"path": "old.mech.json"}, "new": {"document": new}}
    told = jupyter.http.post("/difference", json=body).json()
    (change,) = told["changes"]
    assert change["path"] == "prompts.a.text"
    assert change["before"] == "The capital of France is"
    assert "Italy" in change["sentence"]
    same = {"old": {"path": "old.mech.json"}, "new": {"document": recipe()}}
    assert jupyter.http.post("/difference", json=same).json() == {
        "same": True,
        "changes": [],
        "complete": True,
    }
    spam = {"old": {"document": {"a": 1}}, "new": {"document": {}}}
    assert jupyter.http.post("/difference", json=spam).status_code == 422


def test_a_page_shows_the_recipe_and_can_do_nothing(jupyter, root):
    document = recipe(title=HOSTILE, prompts={"a": {"text": HOSTILE}})
    put(jupyter, "a.mech.json", document)
    stored = jupyter.http.get("/render", params={"path": "a.mech.json"})
    given = jupyter.http.post("/render", json={"document": document})
    for page in (stored, given):
        assert page.status_code == 200
        assert page.text == to_html(document)
        assert not re.search(r"<script|<img|onerror=\"|<link|<iframe|src=", page.text)
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
        assert "script-src" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"


def test_what_is_no_recipe_is_not_shown(jupyter, root):
    assert jupyter.http.post("/render", json={"document": {}}).status_code == 422
    assert jupyter.http.get("/render").status_code == 400
    assert jupyter.http.get("/render", params={"path": "no.mech.json"}).status_code == 404
    refused = jupyter.http.get("/render", params={"path": HOSTILE + ".mech.json"})
    assert refused.status_code in (400, 404)
    assert refused.headers["Content-Type"] == "application/json"
