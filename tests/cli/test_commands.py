"""The commands themselves: what they print for a person and for a program."""

from __future__ import annotations

import json
import signal

import pytest

from mechwidget.cli import main

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def test_bench_measures_ratios_in_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--rounds", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    times = found["milliseconds"]
    assert min(times.values()) > 0
    ratios = found["ratios"]
    assert ratios["run without edits / bare forward"] == pytest.approx(
        times["run"] / times["forward"]
    )
    # The sweep is of every head, and cannot be for nothing.
    assert found["heads"] == 16
    assert times["sweep"] > times["click"] / 10
    assert found["rounds"] == 2


def test_bench_says_what_it_cannot_measure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--rounds", "0"]) == 1
    assert main(["bench", "--model", "/no/such/folder"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert all(line.startswith("mechwidget: ") for line in said)
    assert "/no/such/folder" in said[-1]


def test_plugins_as_json_has_our_own_with_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--all", "--json"]) in (0, 1)
    found = json.loads(capsys.readouterr().out)
    assert found["api"] == "1.0"
    own = [each for each in found["plugins"] if each["distribution"] == "mechwidget"]
    assert {each["state"] for each in own} == {"ok"}
    assert {"ablate", "logit_diff", "core", "microcosm", "workbench"} <= {e["name"] for e in own}


def test_demo_says_why_it_cannot_start(capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(number) for number in STOPPING]
    assert main(["demo", "--port", "many"]) == 1
    assert "many" in capsys.readouterr().err
    assert [signal.getsignal(number) for number in STOPPING] == before, "Ctrl-C is as it was"
