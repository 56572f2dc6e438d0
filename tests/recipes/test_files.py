"""Recipes on disk: written whole or not at all, and never over anything else."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

from mechwidget.recipes import RecipeError, files, loads, read_file, write_file
from tests.recipes.documents import FULL, full


def test_there_and_back(tmp_path):
    where = write_file(tmp_path / "one", FULL)
    assert where == tmp_path / "one.mech.json"
    assert loads(read_file(where)) == FULL
    assert write_file(where, full(title="newer")) == where
    assert loads(read_file(str(where)))["title"] == "newer"
    assert [each.name for each in tmp_path.iterdir()] == ["one.mech.json"]


@pytest.mark.parametrize("content", ["", "a letter to Mary", "[1, 2]", '{"name": "package"}'])
def test_another_kind_of_file_is_not_overwritten(tmp_path, content):
    where = tmp_path / "package.json"
    where.write_text(content)
    with pytest.raises(RecipeError, match=r"is there already and is no recipe.*overwrite=True"):
        write_file(where, FULL)
    assert where.read_text() == content
    write_file(where, FULL, overwrite=True)
    assert loads(read_file(where)) == FULL


class Full:
    """A disk that is full from some call on."""

    def __init__(self, monkeypatch, name):
        def no_room(*_, **__):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(files.os, name, no_room)


@pytest.mark.parametrize("call", ["fsync", "fdopen"])
def test_a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(tmp_path, monkeypatch, call):
    where = write_file(tmp_path / "kept", FULL)
    before = where.read_bytes()
    with monkeypatch.context() as patch:
        Full(patch, call)
        with pytest.raises(RecipeError, match=r"No space left.*unchanged"):
            write_file(where, full(title="newer"))
    assert where.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [where.name]


def test_a_disk_that_is_really_full():
    """Where the machine has a device that always is."""
    if not Path("/dev/full").exists():
        pytest.skip("NOT RUN: no /dev/full here")
    with pytest.raises(RecipeError, match="no ordinary file"):
        read_file("/dev/full")


def test_an_interrupt_leaves_the_old_file_whole(tmp_path, monkeypatch):
    where = write_file(tmp_path / "kept", FULL)
    before = where.read_bytes()

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_file(where, full(title="newer"))
    assert where.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [where.name]


def test_a_link_stays_a_link_and_permissions_stay(tmp_path):
    real = write_file(tmp_path / "real", FULL)
    real.chmod(0o640)
    link = tmp_path / "link.mech.json"
    link.symlink_to(real)
    write_file(link, full(title="newer"))
    assert link.is_symlink()
    assert loads(read_file(real))["title"] == "newer"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_new_file_is_as_readable_as_any_other(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    where = write_file(tmp_path / "new", FULL)
    assert stat.S_IMODE(where.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_what_cannot_be_read_is_told(tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(100 * 2**20)  # takes no room on the disk
    for path, told in (
        (tmp_path / "nothing", "There is no file"),
        (tmp_path, "is a folder"),
        (large, "100.0 MB"),
        (tmp_path / "a\0b", "no path"),
        ("x" * 5000, "no path"),
        (3.5, "no path"),
    ):
        with pytest.raises(RecipeError, match=told):
            read_file(path)
    with pytest.raises(RecipeError, match=r"could not be written: No such file or directory"):
        write_file(tmp_path / "no" / "folder", FULL)
    with pytest.raises(RecipeError, match="folder"):
        write_file(tmp_path, FULL)


def test_what_cannot_be_a_recipe_touches_nothing(tmp_path):
    where = write_file(tmp_path / "kept", FULL)
    before = where.read_bytes()
    with pytest.raises(RecipeError, match="nan"):
        write_file(where, full(title=float("nan")))
    assert where.read_bytes() == before
