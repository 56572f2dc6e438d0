"""What a recipe may be called, and where a path may lead."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mechwidget.server.recipe_paths import readable_path, writable_path
from mechwidget.server.refusal import Refusal
from tests.server.documents import recipe
from tests.server.jupyter import BASE

OUTSIDE = [
    "../a.mech.json",
    "a/../../b.mech.json",
    "/etc/a.mech.json",
    "//a.mech.json",
    "a//b.mech.json",
    "./a.mech.json",
    "a/./b.mech.json",
    "..\\a.mech.json",
    "C:\\a.mech.json",
    ".hidden.mech.json",
    ".ssh/a.mech.json",
    "a/.ipynb_checkpoints/b.mech.json",
    "a\nb.mech.json",
    "a\0b.mech.json",
    "a\x7fb.mech.json",
    "a\u2028b.mech.json",
    "\ud800.mech.json",
    "a.json",
    "a.mech.json/",
    ".mech.json",
    "a/.mech.json",
    "",
    "x" * 2000 + ".mech.json",
    "a/" * 40 + "b.mech.json",
]
AWKWARD = [
    "CON.mech.json",
    "con.mech.json",
    "a/nul/b.mech.json",
    "COM1.x.mech.json",
    "lpt9 .mech.json",
    "what?.mech.json",
    "a:b.mech.json",
    "a|b.mech.json",
    "%2e%2e%2fa.mech.json",
    " a.mech.json",
    "a /b.mech.json",
    "a./b.mech.json",
    "a\u202eb.mech.json",
    "a\u200bb.mech.json",
    "é" * 100 + ".mech.json",
]
FINE = [
    "a.mech.json",
    "a b/c-d_(1).mech.json",
    "日本語.mech.json",
    "🙂.mech.json",
    "a..b.mech.json",
    "50%.mech.json",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_leads_elsewhere_is_refused(path):
    for check in (readable_path, writable_path):
        with pytest.raises(Refusal) as refused:
            check(path)
        assert refused.value.status_code == 400


@pytest.mark.parametrize("path", AWKWARD)
def test_what_some_system_cannot_store_is_read_and_not_written(path):
    assert readable_path(path) == path
    with pytest.raises(Refusal):
        writable_path(path)


@pytest.mark.parametrize("path", FINE)
def test_ordinary_names_are_fine(path):
    assert writable_path(path) == path


def test_one_name_has_one_spelling():
    assert writable_path("e\u0301.mech.json") == "\u00e9.mech.json"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_what_is_accepted_stays_below_the_folder(names):
    try:
        accepted = writable_path("/".join(names) + ".mech.json")
    except Refusal:
        return
    parts = accepted.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert not any(part.startswith(".") for part in parts)
    assert accepted == unicodedata.normalize("NFC", accepted)
    assert "\\" not in accepted


@given(st.text())
@example("\n")
@example("/a\u2028b")
def test_a_refusal_is_a_sentence_that_can_be_sent(path):
    for check in (readable_path, writable_path):
        with suppress(Refusal):
            check(path)
            continue
        with pytest.raises(Refusal) as refused:
            check(path)
        assert refused.value.status_code == 400
        assert "\n" not in refused.value.message


ENCODED = [
    "..%2fa.mech.json",
    "%2e%2e/a.mech.json",
    "%2e%2e%2fa.mech.json",
    "..%5ca.mech.json",
    "%252e%252e%252fa.mech.json",
    "a%00.mech.json",
    "a%0a.mech.json",
    "a%0d%0aX-Evil:%201.mech.json",
    "CON.mech.json",
    "%ff%fe.mech.json",
    "%ED%A0%80.mech.json",
    "%2e.mech.json",
]


@pytest.mark.parametrize("path", ENCODED)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_no_encoding_leads_out_of_the_folder(jupyter, root, path, method):
    secret = root.parent / "a.mech.json"
    secret.write_text("{}")
    body = {"path": "b.mech.json"} if method == "PATCH" else recipe()
    url = f"http://127.0.0.1:{jupyter.app.port}{BASE}mechwidget/api/recipes/{path}"
    versions = {"If-None-Match": "*"} if method == "PUT" else {"If-Match": "*"}
    answer = jupyter.http.request(
        method, url, json=None if method in ("GET", "DELETE") else body, headers=versions
    )
    assert answer.status_code in (400, 404)
    assert "X-Evil" not in answer.headers
    assert secret.read_text() == "{}"
    assert list(root.iterdir()) == []
