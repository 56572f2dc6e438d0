"""`mechwidget new-plugin`: of every kind, what it writes can be installed and passes its tests."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechwidget.cli import main
from mechwidget.cli.new_plugin import KINDS, write_plugin
from mechwidget.errors import MechwidgetError
from mechwidget.plugin_api import GROUPS
from tests.plugins.installed import environment, install

if TYPE_CHECKING:
    from pathlib import Path


def test_every_kind_is_generated_installed_and_passes_its_own_tests(tmp_path: Path) -> None:
    written = tmp_path / "written"
    for kind in KINDS:
        assert main(["new-plugin", f"my-{kind}", "--kind", kind, "--into", str(written)]) == 0
    assert {about.group for about in KINDS.values()} == set(GROUPS)
    folders = sorted(written.iterdir())
    site = install(tmp_path / "site", *folders)
    files = [file for folder in folders for file in sorted((folder / "tests").iterdir())]
    assert len(files) == len(KINDS)
    leftover = [file for file in written.rglob("*.*") if "{{" in file.read_text()]
    assert leftover == []
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir"]
    done = subprocess.run(
        [*command, str(written), *map(str, files)],
        env=environment(site),
        cwd=written,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{2 * len(KINDS)} passed" in done.stdout


def test_what_is_written_is_formatted(tmp_path: Path) -> None:
    for kind in KINDS:
        write_plugin(f"my-{kind}", kind, tmp_path)
    command = [sys.executable, "-m", "ruff"]
    subprocess.run(
        [
            *command,
            "check",
            "-q",
            "--isolated",
            "--select=E,F,W,B",
            "--line-length=100",
            str(tmp_path),
        ],
        check=True,
    )
    length = ["--isolated", "--line-length", "100"]
    subprocess.run([*command, "format", "-q", "--check", *length, str(tmp_path)], check=True)


@pytest.mark.parametrize(
    "name",
    [
        *("", "a", "My-Plugin", "my_plugin", "../up", "a/b", "1st", "-x-", "a--b", "my plugin"),
        *("ü-x", "class", "json", "mechwidget", "tests", "torch", "x" * 61, "a\n"),
    ],
)
def test_bad_names_are_refused_in_a_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MechwidgetError, match="name"):
        write_plugin(name, "score", tmp_path)
    assert list(tmp_path.iterdir()) == []
    if not name.startswith("-"):
        assert main(["new-plugin", name, "--kind", "score", "--into", str(tmp_path)]) == 1
        assert capsys.readouterr().err.startswith("mechwidget: ")


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MechwidgetError, match="has a part called 'steer'"):
        write_plugin("steer", "intervention", tmp_path)
    write_plugin("mine", "score", tmp_path)
    before = (tmp_path / "mine" / "pyproject.toml").read_text()
    with pytest.raises(MechwidgetError, match="is there already"):
        write_plugin("mine", "view", tmp_path)
    assert (tmp_path / "mine" / "pyproject.toml").read_text() == before


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(MechwidgetError, match=r"cannot be written|is there already"):
        write_plugin("mine", "score", tmp_path / "file")


@given(st.text(max_size=20))
def test_only_names_of_packages_get_through(name: str) -> None:
    from mechwidget.cli.new_plugin import _check_name

    try:
        _check_name(name, name.replace("-", "_"), name.replace("-", "_"), "scores")
    except MechwidgetError:
        return
    assert re.fullmatch(r"[a-z0-9-]+", name)
    assert name.replace("-", "_").isidentifier()
