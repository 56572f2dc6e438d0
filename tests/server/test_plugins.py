"""Plugins are looked at in a process of their own: whatever they do, the server goes on."""

from __future__ import annotations

import json
import sys
import time

import pytest

from mechwidget.server import plugin_health

RECORD = {
    "group": "scores",
    "name": "mine",
    "value": "mine:SCORE",
    "distribution": "mine",
    "version": "1",
    "state": "failed",
    "reason": "ImportError: no",
    "seconds": 0.5,
    "usable": False,
}


@pytest.fixture
def command(monkeypatch):
    """Another process than the usual one."""

    def instead(code):
        monkeypatch.setattr(plugin_health, "_COMMAND", ("-c", code))

    return instead


def listed(jupyter):
    answer = jupyter.http.get("/plugins", params={"refresh": "1"})
    assert answer.status_code == 200
    return answer.json()


def test_what_the_process_says_is_told(jupyter, command):
    said = json.dumps({"api": 1, "plugins": [{**RECORD, "extra": 1}, "spam"]})
    command(f"print({said!r}); raise SystemExit(1)")  # 1: some are broken
    assert listed(jupyter) == {"checked": True, "plugins": [RECORD]}


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(2)",
        "print('spam')",
        "print('3')",
        "import os; os.abort()",
        "print('['*9**6)",
    ],
)
def test_a_process_that_fails_leaves_what_is_declared(jupyter, command, code):
    command(code)
    assert listed(jupyter)["checked"] is False


def test_a_process_that_hangs_is_ended(jupyter, command, monkeypatch):
    monkeypatch.setattr(jupyter.ours.plugins, "_seconds", 0.5)
    command("import time; time.sleep(60)")
    began = time.monotonic()
    assert listed(jupyter)["checked"] is False
    assert time.monotonic() - began < 10


def test_what_is_declared_is_told_without_being_loaded(jupyter, command, tmp_path, monkeypatch):
    info = tmp_path / "mine-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[mechwidget.scores]\nmine = mine:SCORE\n")
    (tmp_path / "mine.py").write_text("raise SystemExit('never')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    command("raise SystemExit(2)")
    declared = {**RECORD, "state": "not loaded", "reason": "", "seconds": None}
    assert declared in listed(jupyter)["plugins"]


def test_they_are_looked_at_once_for_all_who_ask(jupyter, command, tmp_path):
    log = tmp_path / "log"
    command(f"open({str(log)!r}, 'a').write('x'); print('[]')")
    assert listed(jupyter) == {"checked": True, "plugins": []}
    for _ in range(3):
        jupyter.http.get("/plugins")
    assert log.read_text() == "x"
