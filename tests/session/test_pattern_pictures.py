"""Patterns as they are drawn: small, many at once, in parts, and never kept beyond a budget."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.analysis import value_weighted
from mechwidget.session import pattern_pictures, patterns
from mechwidget.session.pattern_pictures import Look
from mechwidget.session.pooling import factor_for, pooled
from tests.session.tiny import PROMPT, SECONDS, tiny_model


@given(
    st.integers(1, 3), st.integers(1, 17), st.integers(1, 17), st.integers(1, 9), st.integers(0, 99)
)
def test_every_square_shows_its_entry_furthest_from_zero(heads, queries, keys, factor, seed):
    values = torch.randn(heads, queries, keys, generator=torch.Generator().manual_seed(seed))
    small = pooled(values, factor)
    assert small.shape == (heads, -(-queries // factor), -(-keys // factor))
    for head in range(heads):
        for row in range(small.shape[1]):
            for column in range(small.shape[2]):
                square = values[
                    head,
                    row * factor : (row + 1) * factor,
                    column * factor : (column + 1) * factor,
                ]
                furthest = square.flatten()[square.abs().argmax()]
                assert small[head, row, column].abs() == furthest.abs()


@given(st.integers(0, 5000), st.integers(1, 600))
def test_the_factor_is_the_least_that_fits(entries, most):
    factor = factor_for(entries, most)
    assert -(-entries // factor) <= most
    assert factor == 1 or -(-entries // (factor - 1)) > most


def state_of(session):
    return session.now().state


def heads_of(session, look, heads=(0, 1, 2), most=64):
    return session.pictures.heads(state_of(session), look, heads, most).result(SECONDS)


def pattern_of(session, head, edited=True):
    return session.pattern(mw.Head(*head), edited=edited).result(SECONDS)


def test_the_heads_of_a_layer_are_its_patterns(session):
    session.ablate(mw.MLP(0))
    for moment, edited in (("before", False), ("after", True)):
        found = heads_of(session, Look(1, moment))
        assert found.factor == 1
        for head in range(3):
            torch.testing.assert_close(
                found.values[head], pattern_of(session, (1, head), edited=edited)
            )
    before, after = (pattern_of(session, (1, 2), edited=edited) for edited in (False, True))
    torch.testing.assert_close(heads_of(session, Look(1, "change"), (2,)).values[0], after - before)


def test_what_edges_move_is_what_analysis_says(session):
    session.ablate(mw.MLP(0))
    state = state_of(session)
    expected = value_weighted(session.model, state.tokens, 1, state.active).values
    found = heads_of(session, Look(1, "after", "value"))
    torch.testing.assert_close(found.values, expected)
    before = value_weighted(session.model, state.tokens, 1).values
    change = heads_of(session, Look(1, "change", "value"), (1,))
    torch.testing.assert_close(change.values[0], (expected - before)[1])


def test_the_shares_are_those_of_the_pattern_itself(session):
    session.interventions = [mw.KnockOut(mw.Edge(1, 0, 4, 2), renormalise=False)]
    pattern = pattern_of(session, (1, 0))
    found = heads_of(session, Look(1, "after", "value"), (0,))
    torch.testing.assert_close(found.first[0], pattern[1:, 0].mean())
    torch.testing.assert_close(found.rest[0], 1 - pattern.sum(-1).mean())
    rows = session.pictures.rows(state_of(session), Look(1), 0).result(SECONDS)
    torch.testing.assert_close(rows, torch.stack([pattern[:, 0], pattern.sum(-1)]))


def test_a_part_is_that_part(session):
    pattern = pattern_of(session, (2, 1))
    part = session.pictures.part(state_of(session), Look(2), 1, range(4, 9), range(2, 6), 1)
    torch.testing.assert_close(part.result(SECONDS).values, pattern[4:9, 2:6])
    part = session.pictures.part(state_of(session), Look(2), 1, range(4, 9), range(2, 6), 2)
    torch.testing.assert_close(part.result(SECONDS).values, pooled(pattern[4:9, 2:6], 2))


def test_few_pixels_share_them(session):
    found = heads_of(session, Look(0), most=4)
    assert found.factor == 3  # ten tokens
    assert found.values.shape == (3, 4, 4)
    torch.testing.assert_close(found.values[1], pooled(pattern_of(session, (0, 1)), 3))


def test_what_is_kept_stays_within_its_budget(model, monkeypatch):
    monkeypatch.setattr(patterns, "_BYTES_READ_AT_ONCE", 0)
    for layer_fits in (True, False):
        n_bytes = 3 * 10 * 10 * 4  # of one layer
        monkeypatch.setattr(patterns, "_BYTES_KEPT", n_bytes if layer_fits else n_bytes // 2)
        monkeypatch.setattr(pattern_pictures, "_BYTES_KEPT", 400)
        prompt = "the cat sat on the mat and the dog ran"
        with mw.Session(model, prompt) as session:
            engine = session._open()
            for layer in range(3):
                heads_of(session, Look(layer))
                session.pictures.part(
                    state_of(session), Look(layer), 1, range(5), range(5), 1
                ).result(SECONDS)
            for memory in (engine.patterns._recent, engine.pictures._recent):
                kept = [size for _, size in memory._entries.values()]
                assert sum(kept) == memory._bytes <= memory._max_bytes


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_birds_eye_view_of_long_patterns_is_one_run(model, monkeypatch, moment):
    monkeypatch.setattr(patterns, "_BYTES_READ_AT_ONCE", 0)
    with mw.Session(model, PROMPT) as session:
        session.ablate(mw.MLP(0))
        whole = [
            torch.stack(
                [pattern_of(session, (layer, h), edited=moment == "after") for h in range(3)]
            )
            for layer in range(3)
        ]
        seen, run = [], model.run
        monkeypatch.setattr(model, "run", lambda *a, **o: seen.append(o) or run(*a, **o))
        for layer in (1, 0, 2):
            found = heads_of(session, Look(layer, moment), most=4)
            torch.testing.assert_close(found.values, pooled(whole[layer], 3))
            torch.testing.assert_close(found.first, whole[layer][:, 1:, 0].mean(-1))
        assert len(seen) == 1


def test_looking_about_in_one_long_pattern_is_one_run(model, monkeypatch):
    monkeypatch.setattr(patterns, "_BYTES_READ_AT_ONCE", 0)
    monkeypatch.setattr(patterns, "_BYTES_KEPT", 3 * 10 * 10 * 4 // 2)
    with mw.Session(model, "the cat sat on the mat and the dog ran") as session:
        session.wait()
        seen, run = [], model.run
        monkeypatch.setattr(model, "run", lambda *a, **o: seen.append(o) or run(*a, **o))
        for start in (0, 2, 4):
            part = session.pictures.part(
                state_of(session), Look(1), 2, range(start, 6), range(start + 1), 1
            )
            part.result(SECONDS)
        assert len(seen) == 1


@pytest.mark.parametrize("weight", ["pattern", "value"])
def test_pictures_are_forgotten_with_the_weights(weight):
    model = tiny_model()
    with mw.Session(model, PROMPT) as session:
        before = heads_of(session, Look(1, "before", weight)).values
        assert heads_of(session, Look(1, "before", weight)).values is before
        with torch.no_grad():
            model.model.transformer.h[1].attn.c_attn.weight.mul_(1.5)
        assert not torch.allclose(heads_of(session, Look(1, "before", weight)).values, before)
