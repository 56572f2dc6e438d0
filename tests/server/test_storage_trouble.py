"""What the disk may do: links that lead away, no room, no right to write, files too large."""

from __future__ import annotations

import errno
import json
import os
import resource
import socket
import stat

import psutil
import pytest

from tests.server.documents import recipe
from tests.server.jupyter import BASE, address

PATH = "a.mech.json"
NEW = {"If-None-Match": "*"}


@pytest.fixture
def outside(root, tmp_path):
    """A folder beside the served one, with a recipe in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.mech.json").write_text(json.dumps(recipe(title="secret")))
    return folder


def test_a_link_out_of_the_folder_leads_nowhere(jupyter, root, outside):
    (root / "link.mech.json").symlink_to(outside / "secret.mech.json")
    (root / "folder").symlink_to(outside)
    (root / "round").symlink_to(root)
    (root / "broken.mech.json").symlink_to(root / "gone.mech.json")
    (root / "self.mech.json").symlink_to(root / "self.mech.json")
    before = (outside / "secret.mech.json").read_bytes()
    for path in ("link.mech.json", "folder/secret.mech.json", "self.mech.json"):
        match = {"If-Match": "*"}
        assert jupyter.http.get(address(path)).status_code == 404
        for answer in (
            jupyter.http.put(address(path), json=recipe(), headers=match),
            jupyter.http.put(address(path), json=recipe(), headers=NEW),
            jupyter.http.patch(address(path), json={"path": "b.mech.json"}, headers=match),
            jupyter.http.delete(address(path), headers=match),
        ):
            assert answer.status_code in (404, 409)
    assert jupyter.http.put(address("folder/new.mech.json"), json=recipe(), headers=NEW).is_error
    listed = jupyter.http.get("/recipes").json()
    assert "secret" not in json.dumps(listed)
    assert jupyter.http.get("/recipes", params={"folder": "folder"}).status_code == 404
    assert (outside / "secret.mech.json").read_bytes() == before
    assert [each.name for each in outside.iterdir()] == ["secret.mech.json"]


def test_a_link_that_stays_inside_is_followed(jupyter, root):
    (root / "a.mech.json").write_text(json.dumps(recipe()))
    (root / "b.mech.json").symlink_to("a.mech.json")
    assert jupyter.http.get(address("b.mech.json")).status_code == 200


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_loses_nothing(jupyter, root, monkeypatch, trouble):
    """The system says so while bytes are written, after the file was opened."""
    old = jupyter.http.put(address(PATH), json=recipe(title="old"), headers=NEW)
    fsync = os.fsync

    def full(descriptor):
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return fsync(descriptor)
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr(os, "fsync", full)
    match = {"If-Match": old.headers["ETag"]}
    refused = jupyter.http.put(address(PATH), json=recipe(title="new"), headers=match)
    assert refused.status_code == 507
    assert "no room" in refused.json()["error"]["message"]
    assert str(root) not in refused.text
    monkeypatch.undo()
    assert jupyter.http.get(address(PATH)).json()["document"]["title"] == "old"
    assert [each.name for each in root.iterdir()] == [PATH]


@pytest.mark.parametrize("size", [6_000, 50_000])  # below and above what is written in one go
def test_the_systems_own_limit_loses_nothing(jupyter, root, size):
    """No pretence: the kernel refuses to let the file grow."""
    old = jupyter.http.put(address(PATH), json=recipe(title="old"), headers=NEW)
    match = {"If-Match": old.headers["ETag"]}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        large = recipe(notes="x" * size)
        refused = jupyter.http.put(address(PATH), json=large, headers=match)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.status_code == 507
    assert jupyter.http.get(address(PATH)).json()["document"]["title"] == "old"
    assert [each.name for each in root.iterdir()] == [PATH]


def test_a_folder_that_is_read_only_says_so(jupyter, root, monkeypatch):
    """Denied by the system itself; for root, who is denied nothing, as it would be."""
    old = jupyter.http.put(address(PATH), json=recipe(), headers=NEW)
    deny_writing(root, monkeypatch)
    match = {"If-Match": old.headers["ETag"]}
    try:
        for answer in (
            jupyter.http.put(address(PATH), json=recipe(title="new"), headers=match),
            jupyter.http.put(address("new.mech.json"), json=recipe(), headers=NEW),
            jupyter.http.patch(address(PATH), json={"path": "b.mech.json"}, headers=match),
            jupyter.http.delete(address(PATH), headers=match),
        ):
            assert answer.status_code == 403
            assert answer.json()["error"]["type"] == "not_writable"
    finally:
        monkeypatch.undo()
        root.chmod(0o755)
        (root / PATH).chmod(0o644)
    assert jupyter.http.get(address(PATH)).json()["document"] == recipe()


def deny_writing(root, monkeypatch):
    if os.geteuid() != 0:
        (root / PATH).chmod(0o444)
        root.chmod(0o555)
        return

    def denied(*_, **__):
        raise PermissionError(errno.EROFS, "Read-only file system")

    access = os.access
    for name in ("unlink", "rename", "replace", "remove"):
        monkeypatch.setattr(os, name, denied)
    monkeypatch.setattr("shutil.move", denied)
    monkeypatch.setattr("jupyter_server.services.contents.fileio.copy2_safe", denied)
    monkeypatch.setattr("builtins.open", writing_denied(open, denied))
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))


def writing_denied(real, denied):
    def opened(file, mode="r", *rest, **named):
        writes = set(mode) & set("wax+") and isinstance(file, str) and ".mech.json" in file
        return denied() if writes else real(file, mode, *rest, **named)

    return opened


def test_a_hundred_megabytes_are_refused_before_they_are_read(jupyter, root):
    """The answer is there although not one byte of the body was sent."""
    with socket.create_connection(("127.0.0.1", jupyter.app.port), timeout=20) as line:
        head = (
            f"PUT {BASE}mechwidget/api/recipes/{PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: token {jupyter.token}\r\nIf-None-Match: *\r\n"
            "Content-Type: application/json\r\nContent-Length: 104857600\r\n\r\n"
        )
        line.sendall(head.encode())
        answer = line.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"104,857,600 bytes" in answer


def test_a_hundred_megabytes_that_are_sent_are_not_kept(jupyter, root):
    def megabytes():
        for _ in range(100):
            yield b" " * 2**20

    before = psutil.Process().memory_info().rss
    headers = {"Content-Type": "application/json", **NEW}
    answer = jupyter.http.put(address(PATH), content=megabytes(), headers=headers)
    assert answer.status_code == 413
    assert psutil.Process().memory_info().rss - before < 60 * 2**20


def test_a_body_of_unknown_length_is_stopped_when_it_is_too_long(jupyter, root, monkeypatch):
    monkeypatch.setattr(jupyter.ours, "max_recipe_bytes", 10_000)

    def endless():
        for _ in range(100):
            yield b" " * 1000

    headers = {"Content-Type": "application/json", **NEW}
    answer = jupyter.http.put(address(PATH), content=endless(), headers=headers)
    assert answer.status_code == 413
    assert not (root / PATH).exists()


def test_a_stranger_is_refused_before_the_body_is_read(jupyter, root):
    with socket.create_connection(("127.0.0.1", jupyter.app.port), timeout=20) as line:
        head = (
            f"PUT {BASE}mechwidget/api/recipes/{PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Content-Length: 1000\r\n\r\n"
        )
        line.sendall(head.encode())
        assert line.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_a_stored_file_that_is_too_large_is_not_read(jupyter, root):
    with (root / PATH).open("wb") as file:
        file.truncate(100 * 2**20)
    read = jupyter.http.get(address(PATH))
    assert read.status_code == 413
    assert "104,857,600 bytes" in read.json()["error"]["message"]
    assert jupyter.http.get("/recipes").json()["recipes"][0]["size"] == 100 * 2**20


def test_what_is_no_file_is_no_recipe(jupyter, root):
    (root / "folder.mech.json").mkdir()
    os.mkfifo(root / "pipe.mech.json")
    try:
        assert jupyter.http.get(address("folder.mech.json")).status_code == 404
        written = jupyter.http.put(address("folder.mech.json"), json=recipe(), headers=NEW)
        assert written.status_code == 409
        assert jupyter.http.get(address("pipe.mech.json")).status_code in (400, 404, 422)
        assert jupyter.http.get("/recipes").json()["recipes"] == []
    finally:
        (root / "pipe.mech.json").unlink()
