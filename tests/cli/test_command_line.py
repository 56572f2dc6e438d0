"""The command line as a whole: what it offers, what it costs, and how it says no."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import mechwidget
from mechwidget.cli import COMMANDS, main
from mechwidget.errors import MechwidgetError

COST = """
import sys
from mechwidget.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert end.code == 0
print([name for name in ("torch", "transformers", "anywidget", "IPython") if name in sys.modules])
"""


def shell(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mechwidget", *words], capture_output=True, text=True, check=False
    )


def test_help_costs_neither_torch_nor_transformers() -> None:
    done = subprocess.run([sys.executable, "-c", COST], capture_output=True, text=True, check=True)
    *said, heavy = done.stdout.strip().splitlines()
    assert heavy == "[]"
    assert "demo" in "\n".join(said)


def test_version() -> None:
    done = shell("version", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["mechwidget"] == mechwidget.__version__


def test_a_command_that_is_not_there_is_no_traceback() -> None:
    done = shell("juggle")
    assert done.returncode == 2
    assert "juggle" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(arguments: object) -> int:
        raise MechwidgetError("The sky is down.", "Hold it up.")

    monkeypatch.setattr("mechwidget.cli.version.run", broken)
    assert main(["version"]) == 1
    assert capsys.readouterr().err == "mechwidget: The sky is down. Hold it up.\n"


def test_an_interrupt_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("mechwidget.cli.version.run", stopped)
    assert main(["version"]) == 1
    assert capsys.readouterr().err == "mechwidget: stopped.\n"


def test_a_command_whose_module_is_missing_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMMANDS, "fly", "mechwidget.cli.fly")
    with pytest.raises(SystemExit) as end:
        main(["fly"])
    assert end.value.code == 2
    assert "invalid choice: 'fly'" in capsys.readouterr().err
