"""The cache view: its numbers are those of the analysis, in rows that a page can draw."""

from __future__ import annotations

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.analysis import cache_contents
from mechwidget.views.ops import cache as ops
from tests.models.zoo.build import hooked
from tests.session.tiny import PROMPT, tiny_model
from tests.views.conftest import Page, Tapped

ASK = {"part": "keys", "new_tokens": 0, "temperature": 0, "top_p": 1, "seed": 0, "on": "both"}


def test_the_answer_is_the_analysis(page, model):
    about, [before] = page.ask("cache", ASK)
    found = cache_contents(model, PROMPT)
    assert not about["edited"]
    assert about["rows"] == [[layer, False, head] for layer in range(3) for head in range(3)]
    expected = np.concatenate([layer.keys.before for layer in found.layers])
    np.testing.assert_allclose(before, expected, rtol=2e-3)
    assert about["n_bytes"] == found.n_bytes == 3 * 2 * 10 * 24 * 4
    assert about["bytes_per_token"] == found.bytes_per_token
    assert about["layers"][1]["widths"] == [8, 8]
    about, [values] = page.ask("cache", {**ASK, "part": "values", "layer": 2})
    np.testing.assert_allclose(values, found.layers[2].values.before, rtol=2e-3)
    assert len(about["layers"]) == 3


def test_edits_come_as_after_and_change(page, model):
    edit = mw.Ablate(mw.MLP(0))
    page.workbench.session.interventions = [edit]
    about, frames = page.ask("cache", ASK)
    assert about["edited"]
    found = cache_contents(model, PROMPT, [edit])
    for frame, side in zip(frames, ("before", "after", "change"), strict=True):
        expected = np.concatenate([getattr(layer.keys, side) for layer in found.layers])
        np.testing.assert_allclose(frame, expected, rtol=2e-3, atol=1e-5)


def test_what_is_read_after_the_prompt_is_the_continuation(page, model):
    session = page.workbench.session
    about, [before] = page.ask("cache", {**ASK, "new_tokens": 4, "temperature": 1, "seed": 3})
    written = session.continuation(4, 1.0, 1.0, 3).result(20)
    texts = [token.text for token in written.baseline]
    assert about["later"] == texts
    assert before.shape == (9, 10 + len(texts))
    ids = [token.id for token in written.baseline]
    found = cache_contents(model, PROMPT, generated=ids)
    expected = np.concatenate([layer.keys.before for layer in found.layers])
    np.testing.assert_allclose(before, expected, rtol=2e-3)


def test_a_context_that_fills_up_ends_with_what_was_read():
    with mw.Session(tiny_model(), " ".join(["the cat"] * 15)) as session:
        table = mw.CacheView(session).table(new_tokens=9, seed=1, temperature=1.0)
    assert max(table.columns["position"]) <= 31


def test_more_heads_than_a_page_shows_come_as_layers(page, model, monkeypatch):
    monkeypatch.setattr(ops, "MOST_ROWS", 8)
    about, [before] = page.ask("cache", ASK)
    assert about["rows"] == [[layer, False, None] for layer in range(3)]
    found = cache_contents(model, PROMPT)
    expected = np.stack([np.linalg.norm(layer.keys.before, axis=0) for layer in found.layers])
    np.testing.assert_allclose(before, expected, rtol=2e-3)
    about, _ = page.ask("cache", {**ASK, "layer": 1})
    assert about["rows"] == [[1, False, head] for head in range(3)]


def test_dropped_positions_are_no_numbers():
    with mw.Session(hooked("gemma2"), list(range(5, 14))) as session, Tapped(session) as workbench:
        about, [before] = Page(workbench).ask("cache", ASK)
    assert [layer["first"] for layer in about["layers"]] == [5, 0, 5]
    assert np.isnan(before[0, :5]).all()
    assert np.isfinite(before[0, 5:]).all()
    assert np.isfinite(before[2:4]).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"part": "queries"}, "one of keys, values"),
        ({"layer": 3}, "'layer' has to be a whole number from 0 to 2"),
        ({"new_tokens": -1}, "'new_tokens' has to be"),
        ({"temperature": "hot"}, "temperature"),
        ({"on": "weekends"}, "one of prompt, generated, both"),
        ({"extra": 1}, "no argument 'extra'"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(change, said, page):
    error, frames = page.ask("cache", {**ASK, **change})
    assert frames is None
    assert said in error["message"]


def test_a_model_without_a_cache_says_why():
    with mw.Session(hooked("openai_gpt"), [5, 6, 7]) as session, Tapped(session) as workbench:
        error, _ = Page(workbench).ask("cache", ASK)
    assert "generates without a cache" in error["message"]


def test_the_table_has_a_row_per_vector_that_is_held():
    with mw.Session(hooked("gemma2"), list(range(5, 14))) as session:
        frame = mw.CacheView(session).to_dataframe()
    assert len(frame) == 2 * (4 + 9 + 4)
    row = frame[(frame.layer == 1) & (frame.kv_head == 1) & (frame.position == 3)].iloc[0]
    found = cache_contents(hooked("gemma2"), list(range(5, 14)))
    assert row.keys_before == pytest.approx(float(found.layers[1].keys.before[1, 3]))
    assert row.values_change == 0
    assert "bytes" in frame.attrs
