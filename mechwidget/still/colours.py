"""The colours of still pictures, light and dark: those of the widget, as a few fixed levels.

In: a number and the largest magnitude on show. Out: the class of its level, and the rules that
colour it. Text stands on every level, so there are none in the middle, where neither dark nor light
text can be read. `js/style/theme.css` and `js/charts/colour.ts` have the same colours; a test holds
them together.
"""

from __future__ import annotations

import math

Rgb = tuple[int, int, int]

TOKENS = {
    "light": {
        "ground": "#ffffff",
        "raised": "#f4f6f8",
        "ink": "#1b1f24",
        "muted": "#59626d",
        "line": "#dfe3e8",
        "before": "#a9b2bc",
        "after": "#1b1f24",
        "ablate": "#c2330c",
        "positive": "#b05406",
        "negative": "#21549e",
    },
    "dark": {
        "ground": "#111418",
        "raised": "#1b2026",
        "ink": "#e6e9ed",
        "muted": "#a2acb7",
        "line": "#2b323a",
        "before": "#56606b",
        "after": "#e6e9ed",
        "ablate": "#ff8560",
        "positive": "#f4a458",
        "negative": "#7eb2f5",
    },
}
ENDS: dict[str, dict[str, Rgb]] = {
    "light": {"zero": (244, 245, 247), "n": (33, 84, 158), "p": (176, 84, 6), "s": (98, 60, 158)},
    "dark": {"zero": (35, 40, 47), "n": (126, 178, 245), "p": (244, 164, 88), "s": (190, 160, 245)},
}
SHARES = {"light": (0.10, 0.21, 0.33, 0.46, 0.62, 1.0), "dark": (0.10, 0.20, 0.32, 0.45, 0.70, 1.0)}
ON_GROUND = {"light": 6, "dark": 5}
"""From this level on, text has the colour of the ground."""

LEVELS = 6
SHADES = 9
_POWER = 0.7  # small effects are the many; as in the widget


def level(value: float | None, largest: float, *, sequential: bool = False) -> str:
    """The class of a number: p1 … p6 above zero, n1 … n6 below, s1 … s6, z for none, or nothing."""
    if value is None or not math.isfinite(value):
        return "u"
    share = min(1.0, abs(value) / largest) ** _POWER if largest > 0 else 0.0
    nth = round(share * LEVELS)
    if nth == 0:
        return "z"
    return f"{'s' if sequential else 'p' if value > 0 else 'n'}{nth}"


def shade(share: float) -> int:
    """Of ink, for a share of 1: 0 is none of it, `SHADES` all."""
    of_ink: float = min(1.0, max(0.0, share)) ** _POWER
    return round(of_ink * SHADES)


def colour(theme: str, side: str, nth: int) -> str:
    """The colour of a level: of side "p", "n" or "s" the `nth` from 1."""
    ends, share = ENDS[theme], SHARES[theme][nth - 1]
    parts = [
        round(zero + (end - zero) * share)
        for zero, end in zip(ends["zero"], ends[side], strict=True)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def text_colour(theme: str, nth: int) -> str:
    """The colour of text on the `nth` level; 0 is zero."""
    return TOKENS[theme]["ground" if nth >= ON_GROUND[theme] else "ink"]


def variables(theme: str) -> str:
    """Every colour of a theme as CSS variables."""
    named = [f"--{name}:{value}" for name, value in TOKENS[theme].items()]
    zero = "#" + "".join(f"{part:02x}" for part in ENDS[theme]["zero"])
    levels = [
        f"--{side}{nth}:{colour(theme, side, nth)}"
        for side in "pns"
        for nth in range(1, LEVELS + 1)
    ]
    texts = [f"--t{nth}:{text_colour(theme, nth)}" for nth in range(1, LEVELS + 1)]
    return ";".join([*named, f"--z:{zero}", *levels, *texts, f"color-scheme:{theme}"])


def level_rules(within: str) -> str:
    """What each level's class does: a background in tables, a fill in pictures."""
    rules = [f"{within} .z{{background:var(--z);fill:var(--z)}}"]
    for nth in range(1, LEVELS + 1):
        for side in "pns":
            ground = f"var(--{side}{nth})"
            rules.append(
                f"{within} .{side}{nth}{{background:{ground};fill:{ground};color:var(--t{nth})}}"
            )
    shades = [f"{within} .k{nth}{{fill-opacity:{nth / SHADES:.2g}}}" for nth in range(1, SHADES)]
    return "".join([*rules, *shades])
