"""Tables out: what each view shows, as a DataFrame, and as columns for a page."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.errors import MechwidgetError
from mechwidget.views.ops import tables as ops
from mechwidget.views.table import Table
from mechwidget.views.tables import TABLES
from tests.session.tiny import PROMPT

WORDS = PROMPT.split()


@pytest.fixture
def session(model):
    with mw.Session(model, PROMPT, mw.LogitDiff("mat", "rug")) as session:
        session.interventions = [
            mw.Ablate(mw.Head(1, 2)),
            mw.Scale(mw.Neuron(0, 5, positions=[2]), 3.0),
        ]
        yield session


def frame(shown, **options):
    pytest.importorskip("pandas")
    with shown:
        return shown.to_dataframe(**options)


def test_outcome_is_the_top_tokens(session):
    found = frame(mw.Outcome(session))
    top = session.outcome.top
    assert found["token"].tolist() == [change.text for change in top]
    np.testing.assert_allclose(found["probability_after"], [change.after for change in top])
    assert found["rank_before"].tolist() == [change.rank_before for change in top]
    assert float(found.attrs["metric_after"]) == session.metric_value


def test_tokens_with_prompt_b_beside_them(session):
    alone = frame(mw.TokenStrip(session))
    assert alone["text"].tolist() == WORDS
    assert list(alone.columns) == ["position", "id", "text", "special"]
    session.other_prompt = " ".join(["the", "dog", *WORDS[2:], "and"])
    both = frame(mw.TokenStrip(session))
    assert both["other_text"].dropna().tolist() == ["the", "dog", *WORDS[2:], "and"]
    assert both["text"].dropna().tolist() == WORDS
    assert both["position"].isna().sum() == 1


def test_interventions_are_listed_as_they_are(session):
    session.disable(0)
    found = frame(mw.Interventions(session))
    assert found["sentence"].tolist() == [each.sentence for each in session.interventions]
    assert found["enabled"].tolist() == [False, True]
    assert found["positions"].tolist() == [None, (2,)]
    assert found["strength"].tolist()[1] == 3.0
    assert math.isnan(found["strength"].tolist()[0])
    session.clear()
    assert len(frame(mw.Interventions(session))) == 0


def test_the_head_map_has_a_row_per_part(session):
    effects = session.effects().result()
    found = frame(mw.HeadMap(session))
    assert len(found) == 3 * (3 + 3)
    heads = found[found["part"] == "head"]
    np.testing.assert_allclose(heads["effect"].to_numpy().reshape(3, 3), effects[:, :3])
    for column, part in enumerate(("mlp", "attention", "layer"), start=3):
        np.testing.assert_allclose(found[found["part"] == part]["effect"], effects[:, column])
    scores = session.scores("induction").result()
    found = frame(mw.HeadMap(session), score="induction")
    heads = found[found["part"] == "head"]["induction"]
    np.testing.assert_allclose(heads.to_numpy().reshape(3, 3), scores.heads)


def test_attention_is_the_lower_triangle_of_one_head(session):
    found = frame(mw.AttentionView(session), layer=2, head=1)
    n = len(WORDS)
    assert len(found) == n * (n + 1) // 2
    after = session.pattern(mw.Head(2, 1)).result()
    before = session.pattern(mw.Head(2, 1), edited=False).result()
    at = (found["query"].to_numpy(), found["key"].to_numpy())
    np.testing.assert_allclose(found["after"], after.numpy()[at], atol=1e-5)
    np.testing.assert_allclose(found["before"], before.numpy()[at], atol=1e-5)
    assert found["key_token"].tolist() == [WORDS[key] for key in found["key"]]
    session.select(mw.Head(1, 0))
    assert frame(mw.AttentionView(session)).attrs["head"] == "1.0"


def test_neurons_are_the_top_of_each_layer(session, model):
    found = frame(mw.NeuronsView(session), order="here", position=4, k=5)
    site = ("mlp_post", 0)
    runs = [model.run(PROMPT, e, [site]).read[site][0, 4] for e in ((), session.interventions)]
    mine = found[found["layer"] == 0]
    assert mine["neuron"].tolist() == runs[0].abs().argsort(descending=True)[:5].tolist()
    np.testing.assert_allclose(mine["before"], runs[0][mine["neuron"].tolist()], atol=1e-5)
    assert set(found["token"]) == {WORDS[4]}
    assert found["effect_after"].notna().all()
    assert len(frame(mw.NeuronsView(session), order="here")) == 3 * 16


def test_the_workbench_has_them_all_by_name(session):
    assert list(frame(mw.Workbench(session)).columns)[1] == "token"
    for view in TABLES:
        assert len(frame(mw.Workbench(session), view=view)) > 0


def test_what_there_is_no_table_of_is_said(session):
    with mw.Workbench(session) as workbench:
        with pytest.raises(MechwidgetError, match="No view called 'weather' has a table"):
            workbench.table("weather")
        with pytest.raises(MechwidgetError, match="has no option 'size'; it has score"):
            workbench.table("head-map", size=3)
        with pytest.raises(MechwidgetError, match="of which layer"):
            workbench.table("attention", head=3)
        with pytest.raises(MechwidgetError, match="no token 99"):
            workbench.table("neurons", position=99)
        with pytest.raises(MechwidgetError, match="order is 'loud'"):
            workbench.table("neurons", order="loud")


def test_without_pandas_it_says_what_to_install(session, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with mw.Outcome(session) as view:
        with pytest.raises(MechwidgetError, match=r"pip install pandas"):
            view.to_dataframe()
        assert len(view.table()) > 0


def test_pandas_is_imported_when_it_is_asked_for_and_not_before():
    script = (
        "import sys, mechwidget as mw; mw.NeuronsView, mw.Session, mw.load; "
        "print('mechwidget.views.table' in sys.modules, 'pandas' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["True", "False"]


def test_columns_are_of_one_length():
    with pytest.raises(ValueError, match="different lengths"):
        Table({"a": [1], "b": []})
    assert len(Table({})) == 0


def test_a_page_gets_the_same_columns(page, monkeypatch):
    answer, _ = page.ask("table", {"view": "token-strip", "options": {}})
    assert answer["names"] == ["position", "id", "text", "special"]
    assert answer["columns"][2] == WORDS
    answer, _ = page.ask("table", {"view": "neurons", "options": {"order": "effect", "k": 2}})
    assert len(answer["columns"][0]) == 3 * 2
    error, _ = page.ask("table", {"view": "head-map", "options": {"color": 1}})
    assert "no option 'color'" in error["message"]
    error, _ = page.ask("table", {"view": "neurons", "options": {"k": "many"}})
    assert "k is 'many'" in error["message"]
    monkeypatch.setattr(ops, "MOST_VALUES", 10)
    error, _ = page.ask("table", {"view": "token-strip", "options": {}})
    assert "a page takes 10 values" in error["message"]


def test_the_lens_has_a_row_per_site_and_position(session):
    found = frame(mw.LensView(session))
    lens = mw.logit_lens(session.model, PROMPT, session.interventions)
    assert len(found) == lens.entropy.size
    np.testing.assert_allclose(found["kl"].to_numpy().reshape(lens.kl.shape), lens.kl, atol=1e-6)
    last = found[(found["site"] == "resid_post") & (found["layer"] == 2)]
    assert last["top"].tolist()[-1] == max(session.outcome.top, key=lambda each: each.after).text
    one = frame(mw.LensView(session), edited=False, layers=[1], sublayers=["resid_pre"])
    assert one["layer"].unique().tolist() == [1]
    assert one["position"].tolist() == list(range(len(WORDS)))


def test_the_continuation_has_a_row_per_token(session):
    found = frame(mw.Continuation(session), max_new_tokens=5)
    written = session.continuation(5).result()
    assert found["step"].tolist() == list(range(len(written)))
    for name, row in (("baseline", written.baseline), ("edited", written.edited)):
        assert found[name].tolist()[: len(row)] == [token.text for token in row]
        chances = found[f"{name}_probability"].to_numpy()[: len(row)].astype(float)
        np.testing.assert_allclose(chances, [token.probability for token in row])
    session.clear()
    assert frame(mw.Continuation(session), max_new_tokens=3)["edited"].isna().all()
