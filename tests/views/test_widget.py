"""The widget as notebooks know it: its front end, its MIME bundle, its memory."""

from __future__ import annotations

import base64
import gc
import gzip
import json
import subprocess
import sys
import weakref
from html.parser import HTMLParser

import pytest

import mechwidget as mw
from mechwidget.errors import MechwidgetError
from mechwidget.still.words import exact
from mechwidget.views import bundle
from mechwidget.views.snapshot_html import snapshot_html
from tests.session.tiny import PROMPT, eventually, tiny_model


def test_the_front_end_is_carried_as_data_beside_what_the_page_runs(page):
    sent = page.workbench.get_state()
    assert sent["_esm"] == "export default { loader: true }"
    packed = gzip.decompress(base64.b64decode(sent["_carried"]["gzip"]))
    assert json.loads(packed) == {"script": "export default {}", "style": ".mw {}"}
    assert (sent["_view"], sent["_protocol"]) == ("workbench", 1)


def test_without_a_build_it_says_how_to_get_one(model, front_end):
    (front_end / bundle.SCRIPT).unlink()
    with (
        mw.Session(model, PROMPT) as session,
        pytest.raises(MechwidgetError, match=r"not built.*make build"),
    ):
        mw.Workbench(session)


def test_only_under_hot_reload_it_is_a_path():
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "from mechwidget.views.bundle import front_end; print(type(front_end('x')).__name__)",
        ],
        env={"ANYWIDGET_HMR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip().endswith("Path")


def test_anywidget_929_a_closed_widget_and_its_model_are_collected():
    model = tiny_model(seed=6)
    module = weakref.ref(model.model)
    workbench = mw.explore(model, PROMPT)
    seen = weakref.ref(workbench)
    workbench.session.ablate(mw.Head(0, 0))
    workbench.session.wait()
    workbench._handle_custom_msg({"v": 1, "id": "1", "op": "score", "args": {"name": "effect"}}, [])
    workbench._repr_mimebundle_()
    workbench.close()
    session = workbench.session
    del workbench
    eventually(lambda: gc.collect() >= 0 and seen() is None, seconds=5)
    session.close()
    del model, session
    eventually(lambda: gc.collect() >= 0 and module() is None, seconds=5)


class Fragment(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data):
        self.text += data


def test_the_mime_bundle_has_a_widget_text_and_a_snapshot(page):
    session = page.workbench.session
    session.ablate(mw.Head(1, 2))
    data, _ = page.workbench._repr_mimebundle_()
    assert set(data) == {
        "text/plain",
        "text/html",
        "application/vnd.jupyter.widget-view+json",
        "application/vnd.mechwidget.saved+json",
    }
    off = [cell for cell in data["text/html"].split("<td") if "<s>" in cell]
    assert len(off) == 1  # head 1.2, with the effect that it has
    assert "L1" in data["text/html"].partition(off[0])[0]
    text = Fragment(data["text/html"]).text
    for told in ("tiny", "Zero head 1.2", "logit difference mat", "3 layers", "KL", "sat"):
        assert told in text
    before, after = exact(session.baseline_metric_value), exact(session.metric_value)
    assert f"{before} → {after} logits" in text


def test_the_snapshot_has_no_script_and_escapes_everything(page):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>&amp;"
    state = page.state() | {
        "tokens": [{"id": 1, "text": evil, "special": False}],
        "interventions": [
            {"type": "ablate", "sentence": evil, "enabled": True, "component": {"type": "mlp"}}
        ],
        "metric": {"label": evil, "unit": evil},
        "model": page.state()["model"] | {"name": evil},
    }
    state["outcome"]["top"][0]["text"] = evil
    seen = Fragment(snapshot_html(state, mw.Workbench.snapshot_parts(state)))
    assert not seen.tags & {"script", "img", "iframe", "a", "link", "object"}
    assert not {name for name in seen.attributes if name.startswith("on") or "href" in name}
    # two in each of three places, and one in three whose room ends before the second
    assert seen.text.count("alert(1)") == 9


def test_the_snapshot_of_an_error_and_of_a_long_prompt(page):
    state = page.state()
    failed = state | {"outcome": None, "error": {"message": "The logits are <NaN>."}}
    assert (
        "The logits are <NaN>."
        in Fragment(snapshot_html(failed, mw.Workbench.snapshot_parts(failed))).text
    )
    long = state | {"tokens": state["tokens"] * 100}
    assert (
        "600 more tokens" in Fragment(snapshot_html(long, mw.Workbench.snapshot_parts(long))).text
    )
