"""What a notebook saves as data beside the still picture: state and effects, and little of it."""

from __future__ import annotations

import json

import mechwidget as mw
from mechwidget.views import saved_result as module
from mechwidget.views.saved_result import MIME, MOST_BYTES
from tests.session.tiny import PROMPT


def bundle_of(view):
    data, _ = view._repr_mimebundle_()
    json.dumps(data, allow_nan=False)  # what a notebook is
    return data


def test_it_is_the_state_with_the_effects_of_every_head(model):
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        session.ablate(mw.Head(1, 2))
        effects = session.effects().result()
        with mw.HeadMap(session) as view:
            saved = bundle_of(view)[MIME]
            assert saved["view"] == "head-map"
            assert saved["state"]["outcome"] == view._current()["outcome"]
        assert saved["state"]["interventions"][0]["sentence"] == "Zero head 1.2"
        assert saved["numbers"]["effects"]["values"] == effects[:, :3].tolist()
        with mw.TokenStrip(session) as view:
            assert bundle_of(view)[MIME]["numbers"] == {}


def test_a_large_one_is_left_out_and_the_picture_stays(model, monkeypatch):
    with mw.Session(model, PROMPT) as session, mw.Workbench(session) as view:
        size = len(json.dumps(bundle_of(view)[MIME]))
        assert size < MOST_BYTES / 4
        monkeypatch.setattr(module, "MOST_BYTES", size // 2)
        data = bundle_of(view)
    assert MIME not in data
    assert "text/html" in data


def test_a_plugins_view_is_left_to_its_picture():
    assert module.saved_result("outcome", {"session": "s"})
    assert module.saved_result("plugin:surprise", {"session": "s"}) == {}
