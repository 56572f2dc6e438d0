"""`pip install .`: a source tree builds its bundle with npm, or says in one line that it cannot."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packaging.wheel import ROOT, build

pytestmark = pytest.mark.packaging


@pytest.fixture
def source_tree(tmp_path: Path) -> Path:
    """What git has (and would have), without anything that was built."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    tree = tmp_path / "tree"
    for name in listed.stdout.splitlines():
        if name.startswith(("mechwidget/", "js/")) or "/" not in name:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)
    return tree


def pip_wheel(tree: Path, out: Path, path: str) -> subprocess.CompletedProcess[str]:
    """What `pip install .` does before it copies files, with the build backend installed here."""
    environment = {k: v for k, v in os.environ.items() if k != "HATCH_JUPYTER_BUILDER_SKIP_NPM"}
    options = ["-q", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(out)]
    return subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "."],
        cwd=tree,
        env=environment | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_source_tree_builds_its_bundle(source_tree: Path, tmp_path: Path) -> None:
    done = pip_wheel(source_tree, tmp_path / "out", os.environ["PATH"])
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next((tmp_path / "out").glob("*.whl"))) as wheel:
        assert wheel.getinfo("mechwidget/static/mechwidget.js").file_size > 0


def test_source_tree_without_npm_says_so(source_tree: Path, tmp_path: Path) -> None:
    done = pip_wheel(source_tree, tmp_path / "out", "/nowhere")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "mechwidget: npm was not found" in said
    assert "Node.js 20.19" in said
    assert "Traceback" not in said


def test_sdist_carries_the_bundle_and_its_source(tmp_path: Path) -> None:
    with tarfile.open(build(ROOT, tmp_path, "sdist")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"mechwidget/static/mechwidget.js", "js/index.ts", "package-lock.json"} <= names
    assert not [name for name in names if name.startswith(("node_modules", ".venv", "tests"))]


def test_locks_are_exact_and_name_no_registry() -> None:
    pins = [x for x in (ROOT / "constraints.txt").read_text().splitlines() if x[:1] != "#"]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin) for pin in pins), pins
    assert len(pins) == len({pin.split("==")[0] for pin in pins})
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert not [name for name, package in locked.items() if "resolved" in package]
    ours = {name: package for name, package in locked.items() if name and "os" not in package}
    assert all("integrity" in package for package in ours.values())
    optional = {n for p in locked.values() for n in p.get("optionalDependencies", {})}
    assert not [name for name in optional if f"node_modules/{name}" not in locked]


def test_one_version() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert lock["version"] == lock["packages"][""]["version"] == package["version"]
    assert package["version"] in (ROOT / "CHANGELOG.md").read_text()
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text()
