"""A workbench without a browser: what it sends is kept, what a page would send is handed in."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

import mechwidget as mw
from mechwidget.views import bundle
from mechwidget.wire import decode
from tests.session.tiny import PROMPT, SECONDS, tiny_model


@pytest.fixture(autouse=True)
def front_end(tmp_path_factory, monkeypatch):
    """A front end of one line each: these tests need no build."""
    folder = tmp_path_factory.mktemp("static")
    (folder / bundle.SCRIPT).write_text("export default {}")
    (folder / bundle.STYLE).write_text(".mw {}")
    (folder / bundle.LOADER).write_text("export default { loader: true }")
    monkeypatch.setattr(bundle, "STATIC", folder)
    bundle.text_of.cache_clear()
    yield folder
    bundle.text_of.cache_clear()


@pytest.fixture(scope="session")
def model():
    return tiny_model()


class Page:
    """The other end of a workbench's comm."""

    def __init__(self, workbench):
        self.workbench = workbench
        self.messages = []
        self.changed = threading.Condition()
        self.ids = itertools.count()
        workbench.page_sends = self.receive

    def receive(self, content, buffers=None):
        with self.changed:
            self.messages.append((content, buffers or []))
            self.changed.notify_all()

    def tell(self, op, args=None):
        """Send a request; returns its id."""
        name = f"request {next(self.ids)}"
        message = {"v": 1, "id": name, "op": op, "args": {} if args is None else args}
        self.workbench._handle_custom_msg(message, [])
        return name

    def answer(self, name):
        """The answer to a request, its frames decoded into it."""

        def found():
            return next((m for m in self.messages if m[0]["id"] == name and "ok" in m[0]), None)

        with self.changed:
            assert self.changed.wait_for(found, SECONDS), f"no answer to {name}"
            content, buffers = found()
        if content["ok"]:
            frames = zip(content.get("frames", []), buffers, strict=True)
            return content["result"], [decode(header, data) for header, data in frames]
        return content["error"], None

    def ask(self, op, args=None):
        """Send a request and wait for its answer."""
        return self.answer(self.tell(op, args))

    def state(self):
        """The state of the page, once the numbers of the session are there."""
        self.workbench.session.wait()
        ends = time.monotonic() + SECONDS
        while self.workbench.state["revision"] != self.workbench.session.revision or (
            self.workbench.state["phase"] == "running"
        ):
            assert time.monotonic() < ends, "the state never arrived"
            time.sleep(0.002)
        return self.workbench.state


class Tapped(mw.Workbench):
    """A workbench whose custom messages go to a `Page`."""

    def send(self, content, buffers=None):
        getattr(self, "page_sends", lambda *_: None)(content, buffers)


@pytest.fixture
def page(model):
    with (
        mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session,
        Tapped(session) as workbench,
    ):
        yield Page(workbench)
