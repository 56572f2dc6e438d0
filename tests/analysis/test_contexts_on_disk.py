"""What was found comes back from disk, or not at all; a disk that is full costs only the file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from mechwidget.analysis import contexts_on_disk, read_corpus
from mechwidget.analysis.cache_folder import cache_folder
from mechwidget.analysis.contexts_on_disk import contexts_key, load_contexts, save_contexts
from mechwidget.analysis.layer_contexts import empty_contexts
from mechwidget.analysis.neuron_contexts import LayerScan
from tests.session.tiny import WORDS, tiny_model

KEY = contexts_key("model", "corpus", "vocabulary", 1, 4, 32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MECHWIDGET_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture
def found(model):
    scan = LayerScan(model, read_corpus([" ".join(WORDS[n : n + 6]) for n in range(8)]), 1, k=4)
    scan.step()
    return scan.found


def again(model, key=KEY, k=4):
    return load_contexts(key, empty_contexts(model, 1, k, 8))


def file_in(folder):
    [path] = (folder / "neurons").iterdir()
    return path


def test_it_comes_back_as_it_was(folder, model, found):
    assert save_contexts(KEY, found) == ""
    back = again(model)
    for name in ("value", "prompt", "position", "fired", "sums"):
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name))
    np.testing.assert_array_equal(back.histograms.counts, found.histograms.counts)
    for name in ("looked", "tokens", "cut", "skipped", "why_skipped", "complete"):
        assert getattr(back, name) == getattr(found, name)
    with safe_open(file_in(folder), framework="numpy") as file:
        assert "about" in file.metadata()
    back.fired += 1  # it can be gone on with


def test_a_key_is_all_that_it_depends_on():
    parts = [("model", "corpus", "vocabulary", 1, 4, 32)]
    parts += [("other", *parts[0][1:]), (*parts[0][:3], 2, 4, 32), (*parts[0][:4], 5, 32)]
    assert len({contexts_key(*one) for one in parts}) == len(parts)


def test_nothing_there_is_nothing(folder, model):
    assert again(model) is None


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "text"])
def test_a_corrupted_file_counts_as_not_there(folder, model, found, harm):
    save_contexts(KEY, found)
    path = file_in(folder)
    raw = bytearray(path.read_bytes())
    if harm == "flip":
        raw[-100] ^= 1
    path.write_bytes(
        {"flip": bytes(raw), "cut": raw[: len(raw) // 2], "empty": b""}.get(
            harm, b"not a file of tensors"
        )
    )
    assert again(model) is None
    assert save_contexts(KEY, found) == ""
    assert again(model) is not None


def test_a_file_of_another_shape_or_name_counts_as_not_there(folder, model, found):
    save_contexts(KEY, found)
    assert again(model, k=5) is None
    path = file_in(folder)
    other = contexts_key("another", "corpus", "vocabulary", 1, 4, 32)
    path.rename(path.with_name(f"{other}.safetensors"))
    assert again(model, key=other) is None


def test_a_full_disk_is_told_and_leaves_nothing(folder, model, found, monkeypatch):
    def full(arrays, name, metadata):
        Path(name).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)

    monkeypatch.setattr(contexts_on_disk, "save_file", full)
    assert save_contexts(KEY, found) == "not kept on disk: No space left on device"
    assert list((folder / "neurons").iterdir()) == []


def test_a_folder_that_is_none_is_told(tmp_path, monkeypatch, found):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MECHWIDGET_CACHE", str(tmp_path / "file"))
    assert save_contexts(KEY, found).startswith("not kept on disk:")


def test_the_oldest_make_room(folder, found, monkeypatch):
    keys = [contexts_key(str(n), "", "", 1) for n in range(4)]
    for age, key in enumerate(keys):
        save_contexts(key, found)
        os.utime(folder / "neurons" / f"{key}.safetensors", (age, age))
    size = file_in_any(folder).stat().st_size
    monkeypatch.setattr(contexts_on_disk, "_MOST_BYTES", 2 * size)
    save_contexts(keys[0], found)
    left = {path.stem for path in (folder / "neurons").iterdir()}
    assert left == {keys[0], keys[3]}


def file_in_any(folder):
    return next((folder / "neurons").iterdir())


def test_the_folder_is_where_it_belongs(monkeypatch, tmp_path):
    monkeypatch.delenv("MECHWIDGET_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "mechwidget"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == Path.home() / ".cache" / "mechwidget"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "mechwidget"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "mechwidget" / "Cache"
    monkeypatch.setenv("MECHWIDGET_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
