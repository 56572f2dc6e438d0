"""Each view of its own: it shows the session, is linked to the others, stays small and lets go."""

from __future__ import annotations

import base64
import gc
import gzip
import json
import re
import weakref
from pathlib import Path

import pytest

import mechwidget as mw
from mechwidget.errors import MechwidgetError
from mechwidget.views import bundle
from tests.session.tiny import PROMPT, eventually
from tests.views.conftest import Page

VIEWS = [
    *(mw.TokenStrip, mw.HeadMap, mw.AttentionView, mw.LensView, mw.AttributionView),
    *(mw.NeuronsView, mw.NeuronView, mw.WeightsView, mw.EmbeddingView, mw.CacheView),
    *(mw.Continuation, mw.Outcome, mw.Interventions),
]
ALL = [*VIEWS, mw.Workbench]
INDEX = Path(__file__).parents[2] / "js" / "index.ts"


@pytest.fixture
def session(model):
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        yield session


def tapped(view):
    """The same view, its messages kept for a `Page`."""
    told = {"send": lambda self, content, buffers=None: self.page_sends(content, buffers)}
    return type(view.__name__, (view,), told | {"page_sends": lambda *_: None})


@pytest.mark.parametrize("view", ALL)
def test_every_view_answers_a_page_and_shows_a_change(view, session):
    with tapped(view)(session) as shown:
        page = Page(shown)
        page.ask("toggle", {"component": {"type": "head", "layer": 1, "head": 2}})
        assert session.interventions == (mw.Ablate(mw.Head(1, 2)),)
        assert page.state()["interventions"][0]["sentence"] == "Zero head 1.2"
        assert repr(shown) == f"{view.__name__}({session!r})"


def test_views_of_one_session_say_the_same(session):
    shown = [view(session) for view in ALL]
    session.ablate(mw.MLP(1))
    session.metric = mw.Probability("cat")
    session.wait()
    eventually(lambda: all(view.state == shown[0].state for view in shown))
    eventually(lambda: shown[0].state["outcome"]["revision"] == session.revision)
    for view in shown:
        view.close()


def test_the_page_knows_every_view_by_its_name():
    known = re.search(r"const views = \{(.*?)\};", INDEX.read_text(), re.DOTALL)[1]
    names = {line.strip().split(":")[0].strip('",') for line in known.strip().splitlines()}
    assert {view.view for view in ALL} == names
    for view in ALL:
        stem = Path(view.__module__.replace(".", "/")).name
        assert stem == view.view.replace("-", "_")
        assert (INDEX.parent / "views" / f"{view.view}.ts").exists()


@pytest.mark.parametrize(
    ("view", "told", "untold"),
    [
        (mw.TokenStrip, "sat", "Zero head"),
        (mw.HeadMap, "<s>", "Zero head"),
        (mw.AttentionView, "Head 1.2", "KL from"),
        (mw.Continuation, "sat", "KL from"),
        (mw.LensView, "KL from the baseline", "<s>"),
        (mw.Outcome, "KL from the baseline", "<s>"),
        (mw.AttributionView, "Zero head 1.2", "<s>"),
        (mw.NeuronsView, "Zero head 1.2", "<s>"),
        (mw.EmbeddingView, "sat", "KL from"),
        (mw.CacheView, "Zero head 1.2", "<s>"),
        (mw.Interventions, "Zero head 1.2", "<s>"),
    ],
)
def test_without_a_kernel_each_shows_its_own_part(view, told, untold, session):
    session.ablate(mw.Head(1, 2))
    with view(session) as shown:
        html = shown._repr_mimebundle_()[0]["text/html"]
    assert told in html
    assert untold not in html
    assert "tiny" in html


def test_all_views_of_a_session_save_less_than_400_kb(model, monkeypatch):
    """With the front end that is shipped, of which only the workbench carries a copy."""
    built = Path(mw.__file__).parent / "static"
    if not (built / bundle.SCRIPT).exists():
        pytest.skip("NOT RUN: the front end is not built")
    monkeypatch.setattr(bundle, "STATIC", built)
    bundle.text_of.cache_clear()
    with mw.Session(model, PROMPT * 3, mw.LogitDiff("mat", "rug")) as session:
        session.ablate(*(mw.Head(layer, head) for layer in range(3) for head in range(3)))
        session.wait()
        shown = [view(session) for view in ALL]
        assert sum(len(json.dumps(view.get_state())) for view in shown) < 400_000
        for view in shown:
            view.close()


def test_the_front_end_is_there_for_the_asking(session, front_end):
    with tapped(mw.HeadMap)(session) as shown:
        page = Page(shown)
        assert shown._esm == "export default { loader: true }"
        assert shown._css == ""
        answer, _ = page.ask("front_end")
        assert json.loads(gzip.decompress(base64.b64decode(answer["gzip"]))) == {
            "script": (front_end / bundle.SCRIPT).read_text(),
            "style": (front_end / bundle.STYLE).read_text(),
        }
        refused, _ = page.ask("front_end", {"path": "/etc/passwd"})
        assert "path" in refused["message"]


@pytest.mark.parametrize("view", VIEWS)
def test_a_closed_view_is_collected_and_the_session_goes_on(view, session):
    shown = view(session)
    seen = weakref.ref(shown)
    shown._repr_mimebundle_()
    shown.close()
    del shown
    eventually(lambda: gc.collect() >= 0 and seen() is None, seconds=5)
    session.ablate(mw.Head(0, 0))
    assert session.metric_value != session.baseline_metric_value


def test_what_is_no_session_is_refused_by_name(model):
    with pytest.raises(MechwidgetError, match="HeadMap shows a Session, not HookedModel"):
        mw.HeadMap(model)
