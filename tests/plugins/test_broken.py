"""Broken plugins: each is named with the reason, and nothing else is taken down."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.plugins.installed import environment

if TYPE_CHECKING:
    from pathlib import Path

IN_A_PROCESS = """
import json, time
from mechwidget.plugin_api import loading
loading.PATIENCE_S = 1.0
import mechwidget as mw
from mechwidget.analysis import map_scores
from mechwidget.analysis.metric_kinds import metric_from_json
from mechwidget.interventions import intervention_from_json
from mechwidget.wire.envelope import describe
from tests.session.tiny import tiny_model, PROMPT

said = {}
model = tiny_model()                      # mw.wrap asks the source that raises
begun = time.monotonic()
names = [score.name for score in map_scores()]
assert {"induction", "self_attention", "raises"} <= set(names) and names.count("induction") == 1
assert not {"missing", "exits", "endless", "no_score", "future"} & set(names)
doubled = mw.Scale(mw.Head(0, 1), 2.0)
assert intervention_from_json(doubled.to_json()) == doubled
try:
    intervention_from_json({"type": "no_intervention"})
except mw.MechwidgetError as error:
    said["intervention"] = str(error)

with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
    session.ablate(mw.Head(0, 1))
    before = session.metric_value
    try:
        session.scores("raises").result()
    except ZeroDivisionError as error:
        said["score"] = describe(error, "score")
    session.metric = metric_from_json({"type": "raises"})
    session.wait()
    said["metric"] = describe(session.now().standing.error, "run")
    session.undo()
    assert session.metric_value == before  # the experiment is as it was
    from mechwidget.views.ops.plugins import Plugins
    from mechwidget.wire import Arguments
    ops = Plugins(session)
    views = ops.plugin_views(Arguments({}), None).result(20)["views"]
    assert [view["name"] for view in views] == ["throws"]
    try:
        ops.ask_plugin(Arguments({"view": "throws", "op": "raises", "args": {}}), None)
    except ZeroDivisionError as error:
        said["op"] = describe(error, "ask_plugin")
    from mechwidget.views.plugin_view import PluginView
    class Snapshot(PluginView):
        view, title, script = "snapshot", "Snapshot", "export default () => {};"
        snapshot_parts = staticmethod(lambda state: 1 / 0)
    shown = Snapshot(session)._repr_mimebundle_()[0]
    said["snapshot"] = shown["text/html"]
try:
    mw.load("raises:1")
except ZeroDivisionError as error:
    said["source"] = describe(error, "load")
print(json.dumps([said, mw.plugins().to_json()["plugins"]]))
"""


def test_each_is_named_and_nothing_else_falls(with_broken: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS],
        env=environment(with_broken),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said, found = json.loads(done.stdout.splitlines()[-1])
    for place in ("score", "metric", "op", "source"):
        assert said[place]["type"] == "PluginError"
        assert "mechwidget-broken 0.1.0 failed: ZeroDivisionError" in said[place]["message"]
    assert "mechwidget-broken 0.1.0 has it" in said["intervention"]
    assert "failed" in said["snapshot"]
    health = {(each["group"], each["name"]): each for each in found}
    states = {key: each["state"] for key, each in health.items()}
    assert states == {
        ("scores", "missing"): "failed",
        ("scores", "exits"): "failed",
        ("scores", "no_score"): "wrong protocol",
        ("scores", "future"): "incompatible",
        ("scores", "raises"): "failed",
        ("scores", "induction"): "wrong protocol",
        ("scores", "endless"): "slow",
        ("scores", "self_attention"): "ok",
        ("metrics", "raises"): "failed",
        ("metrics", "margin"): "ok",
        ("interventions", "scale"): "failed",
        ("interventions", "no_intervention"): "wrong protocol",
        ("interventions", "flip"): "ok",
        ("sources", "raises"): "failed",
        ("views", "throws"): "failed",
        ("views", "no-script"): "wrong protocol",
        ("flavours", "sweet"): "failed",
    }
    reasons = {name: each["reason"] for (_, name), each in health.items()}
    assert "nowhere" in reasons["missing"]
    assert "SystemExit: out of here" in reasons["exits"]
    assert "no_score" not in reasons["no_score"]
    assert "has no compute" in reasons["no_score"]
    assert "plugin API 99.0" in reasons["future"]
    assert "already" in reasons["induction"]
    assert "still being imported after" in reasons["endless"]
    assert "taken by mechwidget" in reasons["scale"]
    assert "no subclass" in reasons["no_intervention"] or "has no" in reasons["no_intervention"]
    assert "there is no group 'flavours'" in reasons["sweet"]
    usable = {name for (group, name), each in health.items() if each["usable"]}
    assert usable >= {"self_attention", "margin", "flip", "throws"}
