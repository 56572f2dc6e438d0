"""Server-sent events: each change told once, to everybody, also to who was away."""

from __future__ import annotations

import json
import queue
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from mechwidget.server import change_sources
from tests.server.documents import recipe
from tests.server.jupyter import Jupyter, address
from tests.server.test_sessions import Kernel
from tests.session.tiny import eventually

ROOT = Path(__file__).parents[2]
OPEN = """
from mechwidget import live
class Session:
    id = "one"
    def describe(self):
        return {"id": self.id}
session = Session()
live.announce(session, session)
"""  # as a real one does it, without the seconds that importing torch takes
NEW = {"If-None-Match": "*"}
SOON = 20


class Stream:
    """The events of one connection, as they come."""

    def __init__(self, response):
        self.queue = queue.Queue()
        self.comments = 0
        self.response = response
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        event = {}
        try:
            for line in self.response.iter_lines():
                if not line and "event" in event:
                    self.queue.put((event["event"], json.loads(event["data"]), event["id"]))
                    event = {}
                elif line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    event[name] = value
        except Exception:  # noqa: BLE001 - closed under our hands, in whichever way
            pass
        self.queue.put(None)

    def until(self, kind, **data):
        """The next event of this kind with this in it; those before it are given back too."""
        ends, seen = time.monotonic() + SOON, []
        while True:
            event = self.queue.get(timeout=max(0.01, ends - time.monotonic()))
            assert event is not None, f"the stream ended after {seen}"
            seen.append(event)
            if event[0] == kind and data.items() <= event[1].items():
                return seen


@contextmanager
def listening(jupyter, **headers):
    with jupyter.http.stream("GET", "/events", headers=headers) as response:
        assert response.status_code == 200
        yield Stream(response)


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    config = {
        "MechwidgetServer": {"watch_seconds": 0.2, "heartbeat_seconds": 0.3, "max_streams": 3}
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        with Jupyter(tmp_path_factory.mktemp("served"), config) as running:
            yield running


@pytest.fixture
def root(jupyter):
    sources = jupyter.ours._sources
    eventually(lambda: not jupyter.ours.changes._listeners)
    # That the last test's files have gone was seen while nobody listened, or it would be told now.
    eventually(lambda: sources._task is None or not sources._recipes)
    yield jupyter.root
    for path in sorted(jupyter.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def test_what_is_done_to_a_recipe_is_told_once(jupyter, root):
    with listening(jupyter) as stream:
        etag = jupyter.http.put(address("a.mech.json"), json=recipe(), headers=NEW).headers["ETag"]
        stream.until("recipe", action="written", path="a.mech.json")
        body, match = {"path": "b.mech.json"}, {"If-Match": etag}
        jupyter.http.patch(address("a.mech.json"), json=body, headers=match)
        stream.until("recipe", action="renamed", path="b.mech.json", source="a.mech.json")
        jupyter.http.delete(address("b.mech.json"), headers=match)
        stream.until("recipe", action="deleted", path="b.mech.json")
        time.sleep(1)  # several looks around
        assert stream.queue.empty()


def test_what_the_file_browser_does_is_told(jupyter, root):
    with listening(jupyter) as stream:
        content = {"type": "file", "format": "text", "content": json.dumps(recipe())}
        jupyter.jupyter("PUT", "api/contents/c.mech.json", json=content)
        jupyter.jupyter("PUT", "api/contents/c.txt", json=content)
        (event,) = stream.until("recipe", path="c.mech.json")
        assert event[1]["action"] == "written"


def test_what_a_kernel_writes_is_told(jupyter, root):
    """`session.save` goes past the contents manager, and renames a finished file."""

    def save(name):
        (root / "unfinished").write_text(json.dumps(recipe()))
        (root / "unfinished").replace(root / name)

    with listening(jupyter) as stream:
        eventually(lambda: jupyter.ours._sources._task is not None)
        save("old.mech.json")
        stream.until("recipe", action="written", path="old.mech.json")
        save("new.mech.json")
        seen = stream.until("recipe", action="written", path="new.mech.json")
        (root / "old.mech.json").unlink()
        seen += stream.until("recipe", action="deleted", path="old.mech.json")
        assert len(seen) == 2


def test_who_comes_back_gets_what_was_missed(jupyter, root):
    with listening(jupyter) as stream:
        jupyter.http.put(address("a.mech.json"), json=recipe(), headers=NEW)
        last = stream.until("recipe", path="a.mech.json")[-1][2]
    jupyter.http.put(address("b.mech.json"), json=recipe(), headers=NEW)
    with listening(jupyter, **{"Last-Event-ID": last}) as stream:
        ((kind, data, _),) = stream.until("recipe", path="b.mech.json")
        assert (kind, data["action"]) == ("recipe", "written")
    with listening(jupyter, **{"Last-Event-ID": "of an earlier server.7"}) as stream:
        assert stream.until("reset")


def test_names_that_look_like_the_protocol_are_inert(jupyter, root):
    name = "data: x\x0bevent: reset\u0085é.mech.json"
    with listening(jupyter) as stream:
        eventually(lambda: jupyter.ours._sources._task is not None)
        (root / name).write_text("{}")
        ((kind, data, _),) = stream.until("recipe")
        assert (kind, data["path"]) == ("recipe", name)


def test_a_line_that_is_quiet_stays_open_and_too_many_are_refused(jupyter, root):
    with listening(jupyter) as one, listening(jupyter), listening(jupyter):
        refused = jupyter.http.get("/events")
        assert refused.status_code == 503
        eventually(lambda: one.comments >= 2)
    eventually(lambda: not jupyter.ours.changes._listeners)
    with listening(jupyter):
        pass


def test_nothing_is_looked_at_when_nobody_has_listened_for_a_while(jupyter, root, monkeypatch):
    monkeypatch.setattr(change_sources, "LINGER_S", 0.1)
    with listening(jupyter) as stream:
        jupyter.http.put(address("a.mech.json"), json=recipe(), headers=NEW)
        last = stream.until("recipe", path="a.mech.json")[-1][2]
        assert jupyter.ours._sources._task is not None
    eventually(lambda: jupyter.ours._sources._task is None)
    (root / "unseen.mech.json").write_text("{}")
    with listening(jupyter, **{"Last-Event-ID": last}) as stream:
        assert len(stream.until("reset")) == 1


def test_kernels_and_their_sessions_are_told(jupyter):
    with listening(jupyter) as stream:
        kernel = Kernel(jupyter)
        stream.until("kernel", action="started", kernel=kernel.id)
        eventually(lambda: kernel.id in jupyter.ours._sources._watch._tasks)
        kernel.execute(OPEN)
        stream.until("sessions", kernel=kernel.id)
        kernel.execute("live.changed()")
        time.sleep(0.6)
        assert stream.queue.empty(), list(stream.queue.queue)  # nobody has asked
        jupyter.do(jupyter.ours.live.of_kernel(kernel.id))  # from now on it also tells of changes
        time.sleep(0.5)
        while not stream.queue.empty():
            stream.queue.get()
        kernel.execute("live.changed()")
        stream.until("sessions", kernel=kernel.id)
        time.sleep(0.6)
        while not stream.queue.empty():
            stream.queue.get()
        kernel.execute("import time\nfor _ in range(100): live.changed(); time.sleep(0.005)")
        time.sleep(1)
        assert 1 <= stream.queue.qsize() <= 8  # of a hundred changes
        kernel.stop()
        seen = stream.until("kernel", action="stopped", kernel=kernel.id)
        time.sleep(0.5)
        assert stream.queue.empty()
        assert sum(each[0] == "kernel" for each in seen) == 1


def test_a_kernel_that_dies_by_itself_is_told(jupyter):
    with listening(jupyter) as stream:
        kernel = Kernel(jupyter)
        stream.until("kernel", action="started", kernel=kernel.id)
        jupyter.do(jupyter.app.kernel_manager.shutdown_kernel(kernel.id, now=True))
        stream.until("kernel", action="stopped", kernel=kernel.id)


def test_a_stopping_server_ends_every_stream(tmp_path):
    with Jupyter(tmp_path / "served") as short, listening(short) as stream:
        short.do(short.ours.stop_extension())
        stream.thread.join(SOON)
        assert not stream.thread.is_alive()
