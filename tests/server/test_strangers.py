"""Who may come in: nobody without credentials or against the authorizer, and no forged form."""

from __future__ import annotations

import re
from typing import ClassVar

import pytest
from jupyter_server.auth import Authorizer

from mechwidget.server.routes import NAMED, ROOT, handlers
from tests.server.described import description
from tests.server.documents import recipe
from tests.server.jupyter import Jupyter, address

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
PATTERNS = [pattern.removeprefix(ROOT) for pattern, *_ in handlers(NAMED)]


def walked(pattern: str) -> str:
    """Some address that a pattern matches."""
    made = pattern.replace("(.+)", "a.mech.json").replace(r"([0-9A-Za-z_-]{1,64})", "abc")
    made = re.sub(r"\(/\.\*\)\?$", "/no/such/route", made).removesuffix("?").replace("\\", "")
    assert re.fullmatch(pattern, made), made
    return made


ADDRESSES = [walked(pattern) for pattern in PATTERNS]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "token wrong"}], ids=["none", "wrong"])
def test_nobody_comes_in_without_credentials(jupyter, root, path, method, headers):
    (root / "a.mech.json").write_text("{}")
    with jupyter.client(headers) as stranger:
        answer = stranger.request(method, path, json={} if method in METHODS[2:5] else None)
    # A method that a handler does not have is refused before anybody is asked who they are.
    assert answer.status_code in (403, 405)
    if answer.status_code == 405:
        assert method.lower() not in description()["paths"].get(template(path), {})
    assert "a.mech.json" not in answer.text
    assert (root / "a.mech.json").read_text() == "{}"


def template(path: str) -> str:
    path = path.rstrip("/") or "/"
    return (
        path.replace("a.mech.json", "{path}")
        .replace("abc/abc", "{kernel}/{session}")
        .replace("/abc", "/{kernel}")
    )


def test_every_described_route_is_walked():
    assert {template(path) for path in ADDRESSES} - {"/no/such/route"} == set(
        description()["paths"]
    )


class Recorder(Authorizer):
    """Refuses, and remembers what it was asked."""

    asked: ClassVar[list[tuple[str, str]]] = []
    allowed: ClassVar[set[tuple[str, str]]] = set()

    def is_authorized(self, handler, user, action, resource):
        self.asked.append((action, resource))
        return (action, resource) in self.allowed


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    config = {"ServerApp": {"authorizer_class": Recorder}}
    with Jupyter(tmp_path_factory.mktemp("strict"), config) as running:
        yield running


EXPECTED = {
    ("GET", "/"): ("read", "mechwidget"),
    ("GET", "/rest-api.yaml"): ("read", "mechwidget"),
    ("GET", "/recipes"): ("read", "contents"),
    ("GET", "/recipes/a.mech.json"): ("read", "contents"),
    ("PUT", "/recipes/a.mech.json"): ("write", "contents"),
    ("PATCH", "/recipes/a.mech.json"): ("write", "contents"),
    ("DELETE", "/recipes/a.mech.json"): ("write", "contents"),
    ("POST", "/validate"): ("read", "contents"),
    ("POST", "/difference"): ("read", "contents"),
    ("POST", "/render"): ("read", "contents"),
    ("GET", "/render"): ("read", "contents"),
    ("GET", "/models"): ("read", "mechwidget"),
    ("GET", "/sessions"): ("read", "kernels"),
    ("GET", "/sessions/abc"): ("read", "kernels"),
    ("POST", "/sessions/abc/abc"): ("execute", "kernels"),
    ("GET", "/plugins"): ("read", "mechwidget"),
    ("GET", "/events"): ("read", "contents"),
}


@pytest.mark.parametrize(("method", "path"), EXPECTED)
def test_the_authorizer_of_the_site_rules(strict, method, path):
    Recorder.asked, Recorder.allowed = [], set()
    answer = strict.http.request(method, path, json={} if method in METHODS[2:5] else None)
    assert answer.status_code == 403
    assert Recorder.asked == [EXPECTED[method, path]]


def test_every_described_operation_is_put_to_the_authorizer():
    described = {
        (method.upper(), path)
        for path, item in description()["paths"].items()
        for method in item
        if method.upper() in METHODS
    }
    assert {(method, template(path)) for method, path in EXPECTED} == described


def test_who_may_not_see_kernels_gets_no_word_of_them(strict):
    Recorder.asked, Recorder.allowed = [], {("read", "contents")}
    assert strict.http.get("/events").status_code == 403
    assert Recorder.asked == [("read", "contents"), ("read", "kernels")]


@pytest.fixture
def logged_in(jupyter):
    """A browser: it has the login cookie, and no token in its headers."""
    with jupyter.client() as browser:
        home = f"http://127.0.0.1:{jupyter.app.port}{jupyter.app.base_url}"
        browser.event_hooks = {}
        browser.get(f"{home}tree", params={"token": jupyter.token}, follow_redirects=True)
        assert browser.get("/").status_code == 200
        yield browser


def test_a_form_of_another_page_changes_nothing(jupyter, root, logged_in):
    path, new = address("a.mech.json"), {"If-None-Match": "*"}
    assert logged_in.put(path, json=recipe(), headers=new).status_code == 403
    assert not (root / "a.mech.json").exists()
    for method, route in (("POST", "/validate"), ("DELETE", path), ("POST", "/sessions/a/b")):
        assert logged_in.request(method, route).status_code == 403
    token = logged_in.cookies["_xsrf"]
    written = logged_in.put(path, json=recipe(), headers={**new, "X-XSRFToken": token})
    assert written.status_code == 201


def test_a_page_of_another_origin_reads_nothing(logged_in):
    answer = logged_in.get("/recipes", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 404
    assert "recipes" not in answer.json()
    assert "Access-Control-Allow-Origin" not in answer.headers
