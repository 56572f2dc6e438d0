"""The colours of still pictures are the widget's, and text on them can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mechwidget.still.colours import ENDS, LEVELS, TOKENS, colour, level, shade, text_colour

ROOT = Path(__file__).parent.parent.parent
THEME = (ROOT / "js" / "style" / "theme.css").read_text()
RAMPS = (ROOT / "js" / "charts" / "colour.ts").read_text()


def luminance(hexadecimal):
    parts = [int(hexadecimal[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", TOKENS)
def test_they_are_those_of_the_widget(theme):
    start = THEME.index('[data-mw-theme="dark"]') if theme == "dark" else 0
    for name, value in TOKENS[theme].items():
        found = re.search(rf"--mw-{name}: (#\w+);", THEME[start:])
        assert found is not None, name
        assert found[1] == value, name
    block = RAMPS[RAMPS.index(f"  {theme}: {{") :]
    names = {"zero": "zero", "n": "negative", "p": "positive", "s": "score"}
    for short, name in names.items():
        found = re.search(rf"{name}: \[(\d+), (\d+), (\d+)\]", block)
        assert found is not None, name
        assert tuple(map(int, found.groups())) == ENDS[theme][short]


@pytest.mark.parametrize("theme", TOKENS)
@pytest.mark.parametrize("side", "pns")
def test_text_on_every_level_meets_aa(theme, side):
    for nth in range(1, LEVELS + 1):
        assert contrast(colour(theme, side, nth), text_colour(theme, nth)) >= 4.5, nth
    zero = "#{:02x}{:02x}{:02x}".format(*ENDS[theme]["zero"])
    assert contrast(zero, TOKENS[theme]["ink"]) >= 4.5
    for ground in ("ground", "raised"):
        assert contrast(TOKENS[theme][ground], TOKENS[theme]["muted"]) >= 4.5


def test_levels_keep_order_and_sign():
    values = [n / 50 for n in range(-50, 51)]
    levels = [level(value, 1.0) for value in values]
    assert levels[0] == "n6"
    assert levels[50] == "z"
    assert levels[-1] == "p6"
    assert [each.replace("n", "p") for each in levels] == [
        each.replace("n", "p") for each in levels[::-1]
    ]
    names = [*(f"n{n}" for n in range(6, 0, -1)), "z", *(f"p{n}" for n in range(1, 7))]
    order = [names.index(each) for each in levels]
    assert order == sorted(order)
    assert level(None, 1.0) == level(float("nan"), 1.0) == "u"
    assert level(0.0, 0.0) == "z"
    assert [shade(0.0), shade(1.0), shade(2.0)] == [0, 9, 9]
