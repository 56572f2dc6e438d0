"""Still pictures say in words and numbers what they draw, stay small, and cannot act."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mechwidget import still
from mechwidget.still.words import percent, plain, said, signed, visible
from tests.still.inert import EVIL, Inert


def attention(n, seed=0):
    rng = random.Random(seed)
    rows = [[rng.random() ** 4 for _ in range(q + 1)] for q in range(n)]
    return [[v / sum(row) for v in row] + [0.0] * (n - len(row)) for row in rows]


def effects(layers, heads, seed=0):
    rng = random.Random(seed)
    return {
        "label": "effect",
        "unit": "logits",
        "values": [[rng.gauss(0, 1) ** 3 for _ in range(heads)] for _ in range(layers)],
    }


def test_a_small_map_prints_every_number():
    found = effects(4, 4)
    html = still.head_map([4] * 4, {(1, 2)}, found)
    text = Inert(html).text
    for row in found["values"]:
        for value in row:
            assert signed(value) in text
    assert html.count("<s>") == 1
    assert f"<s>{signed(found['values'][1][2])}</s>" in html
    cells = [(n, h) for n in range(4) for h in range(4)]
    strongest = max(cells, key=lambda cell: abs(found["values"][cell[0]][cell[1]]))
    assert f"Largest: {strongest[0]}.{strongest[1]} (" in text


def test_a_large_map_is_squares_that_are_all_there():
    found = effects(80, 64)
    html = still.head_map([64] * 80, {(3, 4)}, found)
    Inert(html)
    drawn = sum(int(run) for run in re.findall(r"M\d+ \d+h(\d+)v1", html))
    assert drawn == 80 * 64
    assert len(html) < 45_000
    assert "80 layers" in html


def test_without_numbers_a_map_names_the_heads():
    html = still.head_map([2, 3], {(0, 1)})
    assert Inert(html).text.count("1.") == 3
    assert "<s>0.1</s>" in html
    assert still.head_map([0, 0], set()) == ""


@pytest.mark.parametrize("n", [1, 3, 28, 29, 300])
def test_a_pattern_is_drawn_at_any_length(n):
    tokens = [f" word{i}" for i in range(n)]
    html = still.pattern("1.2", attention(n), attention(n, 1), tokens, tokens)
    Inert(html)
    assert len(html) < 40_000
    assert ("before" in html) == (n > 1)  # of one token there is nothing to change
    assert ("·word1</text>" in html) == (1 < n <= 28)


def test_the_strongest_edges_are_those():
    matrix = [[1.0, 0, 0], [0.25, 0.75, 0], [0.5, 0.125, 0.375]]
    text = Inert(still.pattern("0.0", matrix, None, ["a", " b", " c"], ["a", " b", " c"])).text
    assert text.index("at 1 → ·b at 1: 75%") < text.index("at 2 → ·c at 2: 38%")
    assert "at 2 → ·b at 1: 12%" in text
    assert "→ a at 0" not in text


def test_a_grid_of_words_is_thinned_out_and_says_so():
    words = [[(f" t{row}.{column}", 0.5) for column in range(30)] for row in range(40)]
    names, tokens = [f"L{n}" for n in range(40)], [f" w{n}" for n in range(30)]
    html = still.word_grid("Lens", names, tokens, words)
    text = Inert(html).text
    assert "the last 10 of 30 tokens, one row of 3" in text
    assert "·t39.29" in text
    assert "·t39.19" not in text
    assert len(html) < 20_000


def test_a_table_shows_its_first_rows():
    text = Inert(still.rows({"layer": list(range(40)), "x": [None, True, 0.5, "a"] * 10})).text
    assert "the first 12 of 40 rows" in text
    assert still.rows({}) == still.rows({"a": []}) == ""


@pytest.mark.parametrize("evil", EVIL)
def test_hostile_words_are_inert_everywhere(evil):
    tokens = [evil, evil]
    row = {"text": evil, "before": 0.5, "after": 0.25}
    entry = {"sentence": evil, "name": evil, "enabled": False, "note": evil}
    kept = {"name": evil, "said": evil, "metric": 1.0, "kl": None}
    measured = {"label": evil, "unit": evil, "before": 1.0, "after": 2.0}
    parts = [
        still.prompt([{"text": evil, "special": True}], evil),
        still.interventions([entry]),
        still.snapshots([kept]),
        still.outcome({"top": [row], "metric": measured, "kl": 0.5}, evil, edited=True),
        still.head_map([2], set(), {"label": evil, "unit": evil, "values": [[1.0, None]]}),
        still.head_map([20], set(), {"label": evil, "unit": evil, "values": [[1.0] * 20]}),
        still.pattern(evil, attention(2), None, tokens, tokens),
        still.word_grid(evil, tokens, tokens, [[(evil, 0.5)] * 2] * 2),
        still.rows({evil: [evil]}, evil),
    ]
    html = still.card(evil, evil, parts, evil)
    text = Inert(html).text
    assert "\u202e" not in text
    assert "\x00" not in html
    assert len(html.encode()) <= still.MOST_BYTES


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_any_text_is_visible_escaped_and_short(text):
    for shown in (said(text), visible(text)):
        assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", shown)
    assert not re.search(r"[<>\"']", said(text))
    assert visible(text) != ""


def test_a_card_has_a_limit_and_says_what_it_left_out():
    part = f"<p>{'x' * 20_000}</p>"
    html = still.card("t", "", [part] * 5, "")
    assert len(html.encode()) <= still.MOST_BYTES
    assert Inert(html).text.count("More was left out") == 1
    assert html.count("<p>xxx") == 2


@pytest.mark.parametrize(
    ("value", "as_plain", "as_signed"),
    [
        (3.3412, "3.34", "+3.34"),
        (-0.214, "\N{MINUS SIGN}0.21", "\N{MINUS SIGN}0.21"),
        (12.345, "12.3", "+12.3"),
        (123.4, "123", "+123"),
        (-0.001, "0.00", "0.00"),
        (0.001, "0.00", "0.00"),
        (None, "\N{EN DASH}", "\N{EN DASH}"),
        (float("nan"), "\N{EN DASH}", "\N{EN DASH}"),
        (float("inf"), "∞", "+∞"),
    ],
)
def test_numbers_are_those_of_the_widget(value, as_plain, as_signed):
    assert (plain(value), signed(value)) == (as_plain, as_signed)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.0001, "<0.1%"), (0.034, "3.4%"), (0.5, "50%"), (0.998, ">99%"), (1, "100%")],
)
def test_shares_are_those_of_the_widget(share, text):
    assert percent(share) == text
