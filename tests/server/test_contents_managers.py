"""Any contents manager: sync, async, and one that keeps no files at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from jupyter_server.services.contents.checkpoints import Checkpoints
from jupyter_server.services.contents.largefilemanager import (
    AsyncLargeFileManager,
    LargeFileManager,
)
from jupyter_server.services.contents.manager import ContentsManager
from tornado import web

from tests.server.documents import recipe
from tests.server.jupyter import Jupyter, address

NEW = {"If-None-Match": "*"}


class NoCheckpoints(Checkpoints):
    def list_checkpoints(self, path):
        return []

    def delete_checkpoint(self, checkpoint_id, path):
        raise NotImplementedError

    rename_checkpoint = delete_checkpoint


class InMemory(ContentsManager):
    """Texts in a dictionary, and one folder."""

    def __init__(self, **given):
        super().__init__(**given)
        self.texts = {}

    def _checkpoints_class_default(self):
        return NoCheckpoints

    def dir_exists(self, path):
        return path.strip("/") in ("", "folder")

    def file_exists(self, path):
        return path.strip("/") in self.texts

    def is_hidden(self, path):
        return False

    def get(self, path, content=True, **_):
        path = path.strip("/")
        common = {"name": path.rpartition("/")[2], "path": path, "writable": True}
        common |= {"created": datetime.now(UTC), "last_modified": datetime(2026, 1, 1, tzinfo=UTC)}
        if self.dir_exists(path):
            inside = [p for p in self.texts if p.rpartition("/")[0] == path]
            listed = [self.get(each, content=False) for each in inside]
            listed += [self.get("folder", content=False)] if not path else []
            listed = listed if content else None
            return common | {"type": "directory", "content": listed, "format": "json"}
        if path not in self.texts:
            raise web.HTTPError(404, "nothing there")
        text = self.texts[path] if content else None
        return common | {"type": "file", "content": text, "format": "text", "mimetype": None}

    def save(self, model, path=""):
        if len(model["content"]) > 100_000:
            raise RuntimeError("the store has a limit of its own")
        self.texts[path.strip("/")] = model["content"]
        return self.get(path, content=False)

    def delete_file(self, path):
        del self.texts[path.strip("/")]

    def rename_file(self, old_path, new_path):
        self.texts[new_path.strip("/")] = self.texts.pop(old_path.strip("/"))


@pytest.fixture(scope="module", params=[LargeFileManager, AsyncLargeFileManager, InMemory])
def other(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("other")
    with Jupyter(root, contents_manager_class=request.param) as running:
        (root / "folder").mkdir()
        assert type(running.app.contents_manager) is request.param
        yield running


def test_a_recipe_lives_in_it(other):
    path = "folder/a.mech.json"
    first = other.http.put(address(path), json=recipe(), headers=NEW)
    assert first.status_code == 201
    assert other.http.put(address(path), json=recipe(), headers=NEW).status_code == 412
    match = {"If-Match": first.headers["ETag"]}
    second = other.http.put(address(path), json=recipe(title="new"), headers=match)
    assert second.status_code == 200
    assert other.http.get(address(path)).json()["document"] == recipe(title="new")
    assert [each["path"] for each in other.http.get("/recipes").json()["recipes"]] == [path]
    match = {"If-Match": second.headers["ETag"]}
    moved = other.http.patch(address(path), json={"path": "b.mech.json"}, headers=match)
    assert moved.json()["path"] == "b.mech.json"
    assert other.http.delete(address("b.mech.json"), headers=match).status_code == 204
    assert other.http.get("/recipes").json()["recipes"] == []


def test_a_store_that_fails_is_told_in_our_words(other, monkeypatch):
    def broken(*_, **__):
        raise web.HTTPError(500, "secret: /etc/passwd")

    monkeypatch.setattr(other.app.contents_manager, "save", broken)
    answer = other.http.put(address("c.mech.json"), json=recipe(), headers=NEW)
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "storage"
    assert "secret" not in answer.text
