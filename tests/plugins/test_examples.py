"""The example plugins in a kernel: what each brings is used as mechwidget's own is."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from mechwidget.server.plugin_health import PluginHealth
from tests.plugins.installed import environment

if TYPE_CHECKING:
    from pathlib import Path

IN_A_KERNEL = """
import numpy as np, torch
import mechwidget as mw
from mechwidget.analysis import compute_score, metric_from_json, metric_kinds, ScoreInputs
from mechwidget.interventions import intervention_from_json

report = mw.plugins()
assert {(h.group, h.name): h.state for h in report} == {
    ("scores", "self_attention"): "ok", ("metrics", "margin"): "ok",
    ("interventions", "flip"): "ok", ("views", "surprise"): "ok", ("sources", "toy"): "ok",
}, report
assert all(h.version == "0.1.0" and h.usable for h in report)
assert "mechwidget-toy 0.1.0" in report._repr_html_()

# A source: by name and by what it takes; a refusal is its own.
model = mw.load("toy:3")
assert (model.n_layers, model.n_heads(0), model.loaded_from) == (3, 4, "toy:3")
from mechwidget_toy.transformer import ToyTransformer
again = mw.wrap(ToyTransformer(layers=3).eval())
prompt = "the cat sat on the mat"
assert torch.equal(again.run(prompt).logits, model.run(prompt).logits)
try:
    mw.load("toy:99")
except mw.MechwidgetError as error:
    assert "toy:8" in error.hint
try:
    mw.load("nobody:1")
except mw.MechwidgetError as error:
    assert "toy" in error.message and "microcosm" in error.message

# A kind of intervention: JSON, sentence, and what it does.
flip = intervention_from_json({"type": "flip", "component": mw.Head(1, 2).to_json()})
assert intervention_from_json(flip.to_json()) == flip and flip.sentence == "Flip head 1.2"
run, scaled = model.run(prompt, [flip]), model.run(prompt, [mw.Scale(mw.Head(1, 2), -1.0)])
assert torch.equal(run.logits, scaled.logits) and run.fired[0].change > 0

# A metric: from JSON, in a session, with its number by other means.
assert "margin" in [kind.kind for kind in metric_kinds()]
session = mw.Session(model, prompt, metric_from_json({"type": "margin", "token": "s", "scale": 2}))
session.apply(flip)
logits = model.run(prompt, [flip]).logits[0, -1].double()
at = model.token_id("s")
others = torch.cat([logits[:at], logits[at + 1:]]).max()
assert abs(session.metric_value - float(2 * (logits[at] - others))) < 1e-6
assert "Flip head 1.2" in session.code("mechwidget")

# A score: in the registry, computed, and the same by other means.
found = compute_score("self_attention", ScoreInputs(model, prompt)).heads
pattern = model.run(prompt, read=["pattern"]).read["pattern", 2][0]
np.testing.assert_allclose(found[2], pattern.diagonal(dim1=-2, dim2=-1).mean(-1), rtol=1e-6)
assert "self_attention" in [score.name for score in session.known_scores]


exec(session.code("mechwidget"), {"__name__": "script"})

# A view: a widget whose page asks for its script, and an op that answers with an array.
from mechwidget_surprise.view import Surprise
view = Surprise(session)
assert view._view == "plugin:surprise"
assert "needs a kernel" in view._repr_mimebundle_()[0]["text/html"]
from mechwidget.views.ops.plugins import Plugins
from mechwidget.wire import Arguments
ops = Plugins(session)
assert ops.plugin_views(Arguments({}), None).result(20)["views"] == [
    {"name": "surprise", "title": "Surprise"}]
_, frame = ops.ask_plugin(
    Arguments({"view": "surprise", "op": "surprise", "args": {}}), None).result()
print("all well")
"""


def test_the_examples_work_in_a_kernel(examples: Path, tmp_path: Path) -> None:
    notebook = pytest.importorskip("nbformat").v4.new_notebook(cells=[])
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    notebook.cells = [nbformat.v4.new_code_cell(IN_A_KERNEL)]
    executor = client.NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": tmp_path}}
    )
    executor.execute(env=environment(examples))
    assert notebook.cells[0].outputs[-1]["text"].endswith("all well\n")


def shell(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mechwidget", *words],
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_jupyter_server_beside_them_tells_how_they_are(
    examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", environment(examples)["PYTHONPATH"])

    def looked() -> dict[str, Any]:
        with ThreadPoolExecutor(1) as threads:  # a browser's loop may run in this thread
            return threads.submit(asyncio.run, PluginHealth(60, 1).list()).result()

    found = looked()
    assert found["checked"]
    assert {(each["group"], each["name"], each["state"]) for each in found["plugins"]} == {
        ("sources", "toy", "ok"),
        ("interventions", "flip", "ok"),
        ("metrics", "margin", "ok"),
        ("scores", "self_attention", "ok"),
        ("views", "surprise", "ok"),
    }
    assert {each["version"] for each in found["plugins"]} == {"0.1.0"}


def test_the_command_lists_them_with_and_without_loading(examples: Path) -> None:
    done = shell(examples, "plugins", "--no-load", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["plugins"]
    assert {each["state"] for each in found} == {"not loaded"}
    assert {each["distribution"] for each in found} == {
        "mechwidget-toy",
        "mechwidget-measures",
        "mechwidget-surprise",
    }
