"""A real kernel without a browser: answers and states arrive, also from the worker's thread."""

from __future__ import annotations

import os
import queue
import time
from pathlib import Path

import pytest

from tests.session.tiny import SECONDS

pytest.importorskip("ipykernel")
manager = pytest.importorskip("jupyter_client.manager")

ROOT = Path(__file__).parents[2]

MAKE = """
import pathlib, tempfile
import mechwidget as mw
from mechwidget.views import bundle
from tests.session.tiny import PROMPT, tiny_model
bundle.STATIC = pathlib.Path(tempfile.mkdtemp())
(bundle.STATIC / bundle.SCRIPT).write_text("export default {}")
(bundle.STATIC / bundle.STYLE).write_text("")
(bundle.STATIC / bundle.LOADER).write_text("export default {}")
workbench = mw.explore(tiny_model(), PROMPT)
session = workbench.session
session.wait()
"""


class Kernel:
    """A kernel, its messages kept in the order in which they came."""

    def __init__(self, client):
        self.client = client
        self.seen = []

    def until(self, found, seconds=60):
        """Read messages until `found(message)` is true of one that was not seen before."""
        ends = time.monotonic() + seconds
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=ends - time.monotonic())
            except queue.Empty:
                told = [m["content"] for m in self.seen if m["msg_type"] == "error"]
                raise AssertionError(f"it never came; errors: {told}") from None
            self.seen.append(message)
            assert message["msg_type"] != "error", message["content"]["traceback"]
            if found(message):
                return message

    def execute(self, code):
        """Run a cell and wait for its end."""
        asked = self.client.execute(code)
        self.until(
            lambda m: (
                m["msg_type"] == "status"
                and m["parent_header"].get("msg_id") == asked
                and m["content"]["execution_state"] == "idle"
            )
        )

    def tell(self, comm, op, args, subshell=None):
        """Send a request as the page does."""
        content = {"v": 1, "id": op, "op": op, "args": args}
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        if subshell:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def subshell(self):
        """Open a second line into the kernel, as JupyterLab does for widgets."""
        message = self.client.session.msg("create_subshell_request")
        self.client.control_channel.send(message)
        reply = self.client.control_channel.get_msg(timeout=SECONDS)
        return reply["content"]["subshell_id"]


@pytest.fixture(scope="module")
def kernel():
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    running, client = manager.start_new_kernel(
        kernel_name="python3", env=environment, startup_timeout=60
    )
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()
        running.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def comm(kernel):
    kernel.execute(MAKE)
    opened = [m["content"] for m in kernel.seen if m["msg_type"] == "comm_open"]
    (ours,) = [o for o in opened if o["data"]["state"].get("_view") == "workbench"]
    return ours["comm_id"]


def custom(message):
    """The custom content of a message, if it has one."""
    data = message["content"].get("data", {})
    return data.get("content") if data.get("method") == "custom" else None


def with_numbers_of(revision):
    """Whether a message brings the numbers of a revision to the page."""

    def found(message):
        state = message["content"].get("data", {}).get("state", {}).get("state") or {}
        return state.get("phase") == "ready" and state["outcome"]["revision"] == revision

    return found


def test_a_click_is_answered_and_its_numbers_arrive(kernel, comm):
    kernel.tell(comm, "toggle", {"component": {"type": "head", "layer": 0, "head": 1}})
    kernel.until(lambda m: (custom(m) or {}).get("result") == {"revision": 1})
    kernel.until(with_numbers_of(1))
    kernel.execute("assert session.interventions == (mw.Ablate(mw.Head(0, 1)),)")


def test_frames_arrive_from_the_worker(kernel, comm):
    kernel.tell(comm, "effects", {})
    message = kernel.until(lambda m: (custom(m) or {}).get("ok"))
    assert custom(message)["frames"][0]["shape"] == [3, 4]
    assert len(message["buffers"][0]) == 3 * 4 * 4


def test_a_change_in_a_cell_reaches_the_page(kernel, comm):
    kernel.execute("session.clear(); session.wait()")
    if not any(with_numbers_of(2)(message) for message in kernel.seen):
        kernel.until(with_numbers_of(2))


def test_jupyterlab_17363_clicks_are_served_while_a_cell_is_busy(kernel, comm):
    subshell = kernel.subshell()
    # A change from the cell itself: ipykernel 7.4 would answer the page in that thread from now on.
    busy = kernel.client.execute("session.ablate(mw.MLP(1)); import time; time.sleep(4)")
    kernel.until(with_numbers_of(3))
    for revision, layer in ((4, 1), (5, 2)):
        component = {"type": "head", "layer": layer, "head": 2}
        kernel.tell(comm, "toggle", {"component": component}, subshell)
        kernel.until(with_numbers_of(revision))
    ended = [m for m in kernel.seen if m["parent_header"].get("msg_id") == busy]
    assert not any(m["content"].get("execution_state") == "idle" for m in ended)


def test_an_interrupted_cell_that_waits_lets_go(kernel, comm):
    kernel.execute("import signal, threading, os")
    slow = """
from tests.session.tiny import brake
with brake(session.model, 1.0):
    session.toggle(mw.MLP(0))
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        session.result
    except KeyboardInterrupt:
        interrupted = True
assert interrupted
assert session.result is not session.baseline
"""
    kernel.execute(slow)
