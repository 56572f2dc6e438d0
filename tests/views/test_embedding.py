"""The embedding view: its numbers are those of the analysis, at the resolution of a page."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import embedding_parts, nearest_tokens, position_encoding, token_plane
from mechwidget.views.ops import embedding as ops
from tests.models.zoo.build import hooked
from tests.session.tiny import PROMPT
from tests.views.conftest import Page, Tapped


def test_parts_are_those_of_the_analysis(page, model):
    about, [norms, shares, sums, cosines] = page.ask("embedding_parts")
    parts = embedding_parts(model, PROMPT)
    assert about["kinds"] == ["token", "position"]
    assert about["modules"] == ["transformer.wte", "transformer.wpe"]
    assert about["factors"] == [1, 1]
    np.testing.assert_allclose(norms, parts.norms, rtol=1e-6)
    np.testing.assert_allclose(shares.sum(0), 1, rtol=1e-4)
    np.testing.assert_allclose(sums[0], np.linalg.norm(parts.total, axis=-1), rtol=1e-6)
    np.testing.assert_allclose(cosines[0], parts.cosines(0, 1), rtol=1e-5)


def test_one_token_has_its_vectors_and_neighbours(page, model):
    about, [strips, stream] = page.ask("embedding_token", {"position": 3})
    parts = embedding_parts(model, PROMPT)
    np.testing.assert_allclose(strips[:2], parts.vectors[:, 3], rtol=2e-3, atol=1e-4)
    np.testing.assert_allclose(strips[2], parts.total[3], rtol=2e-3, atol=1e-4)
    np.testing.assert_allclose(stream[0], parts.resid_pre[3], rtol=2e-3, atol=1e-4)
    near = nearest_tokens(model, parts.total[3:4], k=6)
    assert [one["id"] for one in about["nearest"]["sum"]] == near.ids[0].tolist()
    assert about["nearest"]["token"][0]["id"] == parts.tokens.ids[3]
    assert about["nearest"]["token"][0]["text"] == model.token_text(parts.tokens.ids[3])


def test_wide_vectors_come_at_the_resolution_of_a_strip():
    rows = np.zeros((1, 4096), np.float32)
    rows[0, 1000] = -3
    rows[0, 1001] = 2
    frame = ops._strips(rows)
    assert frame.shape == (1, 512)
    values = np.frombuffer(frame.data, np.float16)
    assert values[125] == -3
    assert np.count_nonzero(values) == 1


def test_positions_are_those_of_the_analysis(page, model):
    about, [cosines] = page.ask("position_encoding")
    found = position_encoding(model, PROMPT)
    assert about["vectors"] == {"module": "transformer.wpe", "learned": True, "every": 1}
    np.testing.assert_allclose(cosines, found.vectors.cosines, atol=1e-3)
    with mw.Session(hooked("phi"), [5, 6, 7, 8]) as session, Tapped(session) as workbench:
        about, [angles, frequencies] = Page(workbench).ask("position_encoding")
    [one] = about["rotary"]
    assert (one["width"], one["d_head"], one["pairing"]) == (4, 8, "halves")
    assert angles.shape == (2, 4)
    np.testing.assert_allclose(frequencies, [1, 0.01], atol=1e-5)
    with mw.Session(hooked("bloom"), [5, 6, 7, 8]) as session, Tapped(session) as workbench:
        about, [bias] = Page(workbench).ask("position_encoding")
    assert about["relative"][0]["slopes"][0] == pytest.approx(0.25)
    np.testing.assert_allclose(bias[0], [-0.75, -0.5, -0.25, 0])


def test_a_long_prompt_is_thinned_and_says_so(page, monkeypatch):
    monkeypatch.setattr(ops, "MOST_POSITIONS", 4)
    about, [cosines] = page.ask("position_encoding")
    assert about["vectors"]["every"] == 3
    assert cosines.shape == (4, 4)


def test_the_plane_says_how_much_it_holds(page, model):
    about, [places] = page.ask("token_plane", {"of": "resid_pre"})
    assert about["left_out"] == 0
    expected = token_plane(embedding_parts(model, PROMPT).resid_pre)
    np.testing.assert_allclose(places, expected.places, rtol=1e-5)
    assert about["explained"] == pytest.approx(list(expected.explained))


def test_special_tokens_are_left_out_of_the_plane():
    vectors = np.random.default_rng(0).normal(size=(6, 9)).astype(np.float32)
    found = ops._plane_of_words(vectors, (True, False, False, False, False, False))
    assert np.isnan(found.places[0]).all()
    np.testing.assert_array_equal(found.places[1:], token_plane(vectors[1:]).places)
    few = ops._plane_of_words(vectors[:3], (True, False, False))
    assert np.isfinite(few.places).all()


@pytest.mark.parametrize(
    ("op", "args", "said"),
    [
        ("embedding_parts", {"k": 1}, "no argument 'k'"),
        ("embedding_token", {"position": 10}, "'position' has to be a whole number from 0 to 9"),
        ("token_plane", {"of": "logits"}, "one of token, resid_pre"),
        ("position_encoding", {"layer": 0}, "no argument 'layer'"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(op, args, said, page):
    error, frames = page.ask(op, args)
    assert frames is None
    assert said in error["message"]


def test_prompts_of_one_token_and_models_without_positions_say_what_there_is():
    with mw.Session(hooked("llama"), [5]) as session, Tapped(session) as workbench:
        page = Page(workbench)
        about, [norms, *_] = page.ask("embedding_parts")
        error, _ = page.ask("token_plane", {"of": "token"})
    assert about["kinds"] == ["token"]
    assert norms.shape == (1, 1)
    assert "A plane of 1 vector says nothing" in error["message"]
    with mw.Session(hooked("mamba"), [5, 6]) as session, Tapped(session) as workbench:
        about, frames = Page(workbench).ask("position_encoding")
    assert "recurrent layer" in about["reason"]
    assert frames == []


def test_neighbours_in_another_space_are_refused_and_the_rest_is_there():
    with mw.Session(hooked("opt_post_norm"), [5, 6]) as session, Tapped(session) as workbench:
        about, [strips, _] = Page(workbench).ask("embedding_token", {"position": 0})
    assert "not of one space" in about["reason"]
    assert strips.shape == (3, 32)


def test_the_table_has_a_row_per_token(model):
    with mw.Session(model, PROMPT) as session:
        frame = mw.EmbeddingView(session).to_dataframe()
    parts = embedding_parts(model, PROMPT)
    assert frame.id.tolist() == list(parts.tokens.ids)
    np.testing.assert_allclose(frame.token_norm, parts.norms[0])
    np.testing.assert_allclose(frame.token_share + frame.position_share, 1, rtol=1e-4)
    table = torch.tensor(parts.vectors)
    cosine = torch.nn.functional.cosine_similarity(table[0], table[1])
    np.testing.assert_allclose(frame.cosine_token_position, cosine, rtol=1e-4, atol=1e-6)
