"""What a person gets who installs the wheel: everything, and no need for Node."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import subprocess
import zipfile

import pytest

from tests.packaging.wheel import ROOT, WheelEnvironment

pytestmark = pytest.mark.packaging

MAX_BUNDLE = 160 * 1024  # compressed, as it is saved and sent
MAX_MODEL = 8 * 1024 * 1024

LABEXTENSION = "share/jupyter/labextensions/mechwidget/"
CONFIG = "etc/jupyter/jupyter_server_config.d/mechwidget.json"

SCRIPT = """
import json, shutil
import mechwidget as mw
model = mw.load("microcosm")
workbench = mw.explore(model, "The capital of France is")
workbench.session.wait(60)
print(json.dumps({
    "version": mw.__version__,
    "home": mw.__file__,
    "node": shutil.which("node"),
    "loader": workbench._esm,
    "bundle": workbench._carried["gzip"],
    "outcome": workbench.state["outcome"]["top"][0]["text"],
}))
"""


@pytest.fixture(scope="module")
def names(wheel_environment: WheelEnvironment) -> dict[str, int]:
    """File name → size in the wheel."""
    with zipfile.ZipFile(wheel_environment.wheel) as wheel:
        return {entry.filename: entry.file_size for entry in wheel.infolist()}


def test_wheel_holds_all_that_is_needed(names: dict[str, int]) -> None:
    for name in (
        "mechwidget/py.typed",
        "mechwidget/static/mechwidget.js",
        "mechwidget/static/mechwidget.css",
        "mechwidget/notebooks/tour.ipynb",
        "mechwidget/server/rest-api.yaml",
        "mechwidget/server/events/recipe.yaml",
    ):
        assert name in names
    checkpoint = {
        n: s for n, s in names.items() if n.startswith("mechwidget/microcosm/checkpoint/")
    }
    assert any(name.endswith(".safetensors") for name in checkpoint)
    assert any(name.endswith("tokenizer.json") for name in checkpoint)
    assert sum(checkpoint.values()) <= MAX_MODEL


def test_wheel_holds_nothing_else(names: dict[str, int]) -> None:
    rest = [n for n in names if ".dist-info/" not in n and not n.startswith("mechwidget/")]
    data = [name.partition(".data/data/")[2] for name in rest]
    assert [name for name in data if not name.startswith(LABEXTENSION)] == [CONFIG]
    assert f"{LABEXTENSION}install.json" in data
    assert not [name for name in names if "__pycache__" in name or name.endswith(".ts")]


def test_bundle_is_small(wheel_environment: WheelEnvironment) -> None:
    with zipfile.ZipFile(wheel_environment.wheel) as wheel:
        script = wheel.read("mechwidget/static/mechwidget.js")
    assert len(gzip.compress(script)) <= MAX_BUNDLE


def test_wheel_works_without_node(wheel_environment: WheelEnvironment, tmp_path) -> None:
    done = subprocess.run(
        [wheel_environment.python, "-c", SCRIPT],
        cwd=tmp_path,
        env={"PATH": "/nowhere", "HF_HUB_OFFLINE": "1", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["home"].startswith(str(wheel_environment.site_packages))
    assert seen["node"] is None
    assert seen["version"] == json.loads((ROOT / "package.json").read_text())["version"]
    installed = wheel_environment.site_packages / "mechwidget" / "static"
    assert seen["loader"] == (installed / "mechwidget-loader.js").read_text()
    carried = json.loads(gzip.decompress(base64.b64decode(seen["bundle"])))
    assert carried["script"] == (installed / "mechwidget.js").read_text()
    assert seen["outcome"].strip() == "Paris"


def test_importing_costs_neither_torch_nor_transformers(
    wheel_environment: WheelEnvironment, tmp_path
) -> None:
    code = "import sys, mechwidget; print({'torch', 'transformers'} & sys.modules.keys())"
    done = subprocess.run(
        [wheel_environment.python, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"


def test_installing_it_enables_the_server_extension(
    wheel_environment: WheelEnvironment, tmp_path
) -> None:
    listed = subprocess.run(
        [wheel_environment.python, "-m", "jupyter_server.extension.serverextension", "list"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": "", "JUPYTER_CONFIG_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    said = listed.stdout + listed.stderr
    assert re.search(r"mechwidget\.server\s+\S*enabled", said), said
    assert re.search(r"mechwidget\.server\s+[\d.]*\s*\S*OK", said), said
