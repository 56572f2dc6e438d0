"""The doctor: each check by itself, what is broken on purpose is found, with how to mend it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mechwidget.checkup import CHECKS, Finding, doctor
from mechwidget.checkup import front_end as pages
from mechwidget.checkup import hosts as places
from mechwidget.checkup import versions as installed

FILES = ("mechwidget.js", "mechwidget-loader.js", "mechwidget.css")


def by(findings, about):
    return next(each for each in findings if each.about == about)


@pytest.mark.parametrize("check", [c for c in CHECKS if c.__name__ != "front_end"])
def test_every_check_looks_at_this_environment(check) -> None:
    found = list(check())
    assert found
    assert all(each.said and (each.grade != "wrong" or each.mend) for each in found)


def test_a_check_that_raises_is_a_line_and_the_others_are_made() -> None:
    def broken():
        yield Finding("before", "seen")
        raise SystemExit("gone <b>")

    found = doctor([broken, lambda: [Finding("after", "seen")]])
    assert [each.about for each in found.findings] == ["before", "broken", "after"]
    assert [each.about for each in found.wrong] == ["broken"]
    assert "SystemExit: gone <b>" in repr(found)
    assert "gone &lt;b&gt;" in found._repr_html_()
    assert json.loads(json.dumps(found.to_json()))["well"] is False
    assert doctor([lambda: [Finding("a", "b")]]).to_json()["well"] is True


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a front end, in no source tree."""
    (tmp_path / "mechwidget" / "static").mkdir(parents=True)
    for name in FILES:
        (tmp_path / "mechwidget" / "static" / name).write_text("export {}")
    monkeypatch.setattr(pages, "_recorded", lambda name: None)
    monkeypatch.setattr("mechwidget.views.bundle.fingerprint", lambda: "abc")
    return tmp_path / "mechwidget"


def test_a_front_end_that_is_whole(package: Path) -> None:
    [found] = pages.front_end(package)
    assert found.grade == "fine"
    assert "abc" in found.said


@pytest.mark.parametrize("name", FILES)
def test_a_front_end_that_is_not(package: Path, name: str, monkeypatch) -> None:
    file = package / "static" / name
    file.write_text("")
    [found] = pages.front_end(package)
    assert (found.grade, name in found.said) == ("wrong", True)
    monkeypatch.setattr(pages, "_recorded", lambda which: "another" if which == name else None)
    file.write_text("cut of")
    [found] = pages.front_end(package)
    assert (found.grade, name in found.said) == ("wrong", True)
    file.unlink()
    [found] = pages.front_end(package)
    assert name in found.said
    assert "make build" in found.mend


def test_a_source_that_is_newer_than_what_was_built(package: Path) -> None:
    sources = package.parent / "js"
    sources.mkdir()
    (sources / "build.mjs").write_text("")
    (sources / "index.ts").write_text("")
    built = (package / "static" / "mechwidget.js").stat().st_mtime
    os.utime(sources / "index.ts", (built + 10, built + 10))
    assert "index.ts" in next(iter(pages.front_end(package))).said
    os.utime(sources / "index.ts", (built - 10, built - 10))
    assert [each.grade for each in pages.front_end(package)] == ["fine"]


@pytest.mark.parametrize(("enabled", "grade"), [(True, "fine"), (False, "note")])
def test_the_server_extension_is_read_off_the_configuration(
    tmp_path: Path, monkeypatch, enabled: bool, grade: str
) -> None:
    monkeypatch.setattr("jupyter_core.paths.jupyter_config_path", lambda: [str(tmp_path)])
    [found] = pages.server_extension()
    assert "not enabled" in found.said
    folder = tmp_path / "jupyter_server_config.d"
    folder.mkdir()
    told = {"ServerApp": {"jpserver_extensions": {"mechwidget.server": enabled}}}
    (folder / "mechwidget.json").write_text(json.dumps(told))
    [found] = pages.server_extension()
    assert found.grade == grade
    (folder / "mechwidget.json").write_text("{")
    assert doctor([pages.server_extension]).wrong[0].about == "server extension"


def test_widgets_that_would_stay_blank_are_foretold(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *_: [str(tmp_path)])
    wrong = [each for each in pages.extensions() if each.grade == "wrong"]
    assert len(wrong) == len(pages.ON_THE_PAGE)
    for name in pages.ON_THE_PAGE.values():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "package.json").write_text('{"version": "9.9"}')
    assert not [each for each in pages.extensions() if each.grade == "wrong"]


def test_a_version_that_is_too_old_or_missing(monkeypatch) -> None:
    monkeypatch.setattr(installed, "_installed", {"old": "1.9.9", "new": "1.10"}.get)
    assert installed._version("old", "1.10").grade == "wrong"
    assert installed._version("new", "1.10").grade == "fine"
    assert installed._version("none", "1.10").mend == "pip install 'none>=1.10'"
    assert installed._need("torch>=2.6") == ("torch", "2.6")
    assert installed._need('pytest>=8; extra == "test"') is None


class Shell:
    def __init__(self, kernel=None, **names) -> None:
        self.kernel, self.user_ns = kernel, names


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        (None, places.PLAIN),
        (Shell(), "IPython in a terminal"),
        (Shell(object(), __vsc_ipynb_file__="a.ipynb"), "VS Code"),
        (Shell(object()), "Jupyter"),
    ],
)
def test_the_host_is_told_apart(shell, expected: str, monkeypatch) -> None:
    monkeypatch.setattr(places, "_shell", lambda: shell)
    monkeypatch.delenv("VSCODE_PID", raising=False)
    assert places.host().startswith(expected)
    monkeypatch.setitem(sys.modules, "google.colab", object())
    assert places.host() == "Colab"
    marimo = type("marimo", (), {"running_in_notebook": staticmethod(lambda: True)})
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    assert places.host() == "marimo"


def test_subshells_are_told(monkeypatch) -> None:
    for has, grade in ((True, "fine"), (False, "note")):
        kernel = type("Kernel", (), {"_supports_kernel_subshells": has})()
        monkeypatch.setattr(places, "_shell", lambda kernel=kernel: Shell(kernel))
        assert by(places.hosts(), "subshells").grade == grade


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from mechwidget.cli import main
main(["plugins", "--all"])
sys.exit(main(["doctor", "--json"]))
"""


def test_it_works_where_torch_does_not() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    listed, _, report = done.stdout.partition("\n{")
    assert "what it stands on cannot be imported: ModuleNotFoundError" in listed
    found = {each["about"]: each for each in json.loads("{" + report)["findings"]}
    assert found["accelerator"]["grade"] == "wrong"
    assert "ModuleNotFoundError" in found["accelerator"]["said"]
    assert found["Python"]["grade"] == "fine"
