"""Live sessions in real kernels: asked while they are idle, busy, without a session, and gone."""

from __future__ import annotations

import asyncio
import queue
import time
from pathlib import Path

import psutil
import pytest

from mechwidget.live.messages import COMM_ID, TARGET
from tests.server.jupyter import Jupyter
from tests.session.tiny import eventually

pytest.importorskip("ipykernel")

ROOT = Path(__file__).parents[2]
OPEN = """
import time
import mechwidget as mw
from tests.session.tiny import PROMPT, tiny_model
session = mw.Session(tiny_model(), PROMPT, mw.Probability("cat"))
session.ablate(mw.Head(1, 2), mw.MLP(0))
session.wait()
"""
HOLD_THE_INTERPRETER = """
import ctypes, pathlib
usleep = ctypes.PyDLL(None).usleep
pathlib.Path("held").touch()
time.sleep(0.3)
usleep(3_000_000)
"""


class Kernel:
    """A kernel of the server, and a way to run code in it."""

    def __init__(self, jupyter, path=None):
        self.jupyter = jupyter
        if path is None:
            made = jupyter.jupyter("POST", "api/kernels", json={})
            self.id = made.json()["id"]
        else:
            body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
            made = jupyter.jupyter("POST", "api/sessions", json=body)
            self.id = made.json()["kernel"]["id"]
        self.manager = jupyter.app.kernel_manager.get_kernel(self.id)
        self.client = jupyter.do(self._connected())

    async def _connected(self):
        client = self.manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        return client

    def execute(self, code, wait=True):
        async def send():
            return self.client.execute(code)

        async def finished():
            while True:
                reply = await self.client.get_shell_msg(timeout=60)
                if reply["parent_header"].get("msg_id") == asked:
                    assert reply["content"]["status"] == "ok", reply["content"].get("traceback")
                    return

        asked = self.jupyter.do(send())
        if wait:
            self.jupyter.do(finished())

    def told(self):
        return self.jupyter.http.get(f"/sessions/{self.id}").json()

    def act(self, session, action, **given):
        body = {"action": action, **given}
        return self.jupyter.http.post(f"/sessions/{self.id}/{session}", json=body)

    def stop(self):
        async def disconnect():
            self.client.stop_channels()

        self.jupyter.do(disconnect())
        self.jupyter.jupyter("DELETE", f"api/kernels/{self.id}")


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        with Jupyter(tmp_path_factory.mktemp("served")) as running:
            yield running


@pytest.fixture(scope="module")
def kernel(jupyter):
    (jupyter.root / "deep").mkdir()
    made = Kernel(jupyter, path="deep/tour.ipynb")
    made.execute(OPEN)
    yield made
    made.stop()


def test_a_kernel_tells_of_its_session(kernel):
    told = kernel.told()
    assert (told["state"], told["path"], told["name"]) == (
        "answered",
        "deep/tour.ipynb",
        "python3",
    )
    (session,) = told["sessions"]
    assert session["model"]["name"] == "tiny"
    assert [each["enabled"] for each in session["interventions"]] == [True, True]
    assert session["metric"]["after"] != session["metric"]["before"]
    assert told["process"]["bytes"] > 2**20
    (listed,) = kernel.jupyter.http.get("/sessions").json()["kernels"]
    assert (listed["id"], listed["sessions"]) == (kernel.id, told["sessions"])


def test_a_kernel_that_runs_a_cell_still_tells(kernel):
    kernel.execute("time.sleep(1.5)", wait=False)
    eventually(lambda: kernel.manager.execution_state == "busy")
    told = kernel.told()
    assert (told["state"], told["execution_state"]) == ("answered", "busy")
    assert len(told["sessions"]) == 1
    eventually(lambda: kernel.manager.execution_state == "idle")


def test_a_switch_on_the_page_is_one_in_the_kernel(kernel):
    (session,) = kernel.told()["sessions"]
    which = session["interventions"][1]["id"]
    answer = kernel.act(session["id"], "disable", which=which, revision=session["revision"])
    assert answer.status_code == 200
    assert answer.json()["session"]["interventions"][1]["enabled"] is False
    kernel.execute("assert len(session.disabled) == 1")
    stale = kernel.act(session["id"], "undo", revision=session["revision"])
    assert stale.status_code == 409
    assert kernel.act(session["id"], "undo").status_code == 200
    kernel.execute("assert not session.disabled")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"action": "close"}, 400),
        ({}, 400),
        ({"action": "disable", "which": "0"}, 400),
        ({"action": "disable", "which": True}, 400),
        ({"action": "disable"}, 409),
        ({"action": "disable", "which": 10**6}, 409),
    ],
)
def test_a_wrong_change_is_refused(kernel, body, status):
    (session,) = kernel.told()["sessions"]
    answer = kernel.jupyter.http.post(f"/sessions/{kernel.id}/{session['id']}", json=body)
    assert answer.status_code == status
    assert kernel.told()["sessions"][0]["revision"] == session["revision"]


def test_a_session_or_kernel_that_is_not_there(kernel):
    assert kernel.act("nobody", "undo").status_code == 404
    http = kernel.jupyter.http
    assert http.get("/sessions/nobody").status_code == 404
    assert http.post("/sessions/nobody/x", json={"action": "undo"}).status_code == 404
    assert http.get("/sessions/..%2f..").status_code == 404


def test_a_kernel_that_cannot_answer_is_busy(kernel, monkeypatch):
    """Not even the control thread runs while a call to C keeps the interpreter to itself."""
    (session,) = kernel.told()["sessions"]
    kernel.execute(HOLD_THE_INTERPRETER, wait=False)
    eventually((kernel.jupyter.root / "deep" / "held").exists)
    time.sleep(0.5)
    monkeypatch.setattr(kernel.jupyter.ours.live, "_seconds", 0.4)
    began = time.monotonic()
    assert kernel.told()["state"] == "busy"
    assert time.monotonic() - began < 3
    refused = kernel.act(session["id"], "undo")
    assert refused.status_code == 409
    assert refused.json()["error"]["type"] == "kernel_busy"
    assert refused.headers["Retry-After"] == "1"
    monkeypatch.undo()
    eventually(lambda: kernel.told()["state"] == "answered")


def test_looking_is_nobodys_activity(kernel):
    """A kernel that is only looked at may still be culled, and stays idle in everybody's eyes."""
    kernel.told()
    time.sleep(0.3)
    before = kernel.manager.last_activity
    for _ in range(3):
        kernel.told()
    time.sleep(0.3)
    assert kernel.manager.last_activity == before


def test_no_page_is_told_of_our_comm(kernel):
    """It is listed for whoever asks for it by name, and was never opened towards a page."""

    async def messages():
        seen = []
        try:
            while True:
                seen.append(await kernel.client.get_iopub_msg(timeout=0.3))
        except queue.Empty:
            return seen

    kinds = [
        (each["msg_type"], each["content"].get("comm_id"))
        for each in kernel.jupyter.do(messages())
        if each["msg_type"].startswith("comm_")
    ]
    assert ("comm_open", COMM_ID) not in kinds
    assert kernel.jupyter.do(kernel.client.comm_info(TARGET, reply=True, timeout=10))["content"][
        "comms"
    ] == {COMM_ID: {"target_name": TARGET}}


def test_a_kernel_without_a_session_is_asked_nothing_it_does_not_know(jupyter):
    other = Kernel(jupyter)
    try:
        told = other.told()
        assert (told["state"], told["sessions"]) == ("no_sessions", [])
        other.execute("import mechwidget")
        assert other.told()["state"] == "no_sessions"
        assert other.act("x", "undo").status_code == 404
    finally:
        other.stop()


def test_the_sockets_are_given_back(kernel):
    """Asking a hundred times leaves nothing open."""

    async def ask(times):
        for _ in range(times):
            await kernel.jupyter.ours.live.of_all()
        await asyncio.sleep(0.1)

    kernel.jupyter.do(ask(5))
    before = psutil.Process().num_fds()
    kernel.jupyter.do(ask(30))
    assert psutil.Process().num_fds() <= before + 4
