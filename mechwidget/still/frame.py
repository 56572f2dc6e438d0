"""The card that still pictures stand on, and a whole page of one.

In: a title and fragments whose texts are escaped already. Out: one fragment with its own colours
for light and dark, never more than `MOST_BYTES`: what does not fit is left out and said so. Where
a style sheet is taken away (some sites do), tables, lists and words are left.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mechwidget.still.colours import level_rules, variables
from mechwidget.still.words import said

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_BYTES = 60_000

_CARD = ".mw-still.mw-still.mw-still"  # notebooks have strong opinions about tables and code
_RULES = """
{font:13px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);
background:var(--ground);border:1px solid var(--line);border-radius:8px;padding:12px 16px;
margin:4px 0;max-width:960px;box-sizing:border-box;overflow-x:auto;text-align:left}
 *{box-sizing:border-box}
 p{margin:0 0 8px;color:inherit}
 h4{margin:12px 0 4px;font-size:13px;font-weight:600;color:var(--ink)}
 .muted, small{color:var(--muted);font-size:12px}
 code{font:12px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--ink);
background:var(--raised);border:0;border-radius:3px;padding:1px 4px;white-space:pre-wrap;
overflow-wrap:anywhere}
 .tokens{display:flex;flex-wrap:wrap;gap:4px;margin:0 0 8px}
 .special{color:var(--muted);font-style:italic}
 table{border-collapse:separate;border-spacing:1px;margin:0 0 8px;font-size:12px;color:inherit;
background:none;border:0;table-layout:auto}
 tr, tr:nth-child(odd), tr:hover{background:none}
 th, td{border:0;padding:2px 6px;text-align:left;vertical-align:middle;font-weight:400;
max-width:40em;overflow-wrap:anywhere}
 th{color:var(--muted)}
 .number, .map td{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
 .map td{min-width:3.4em;border-radius:2px}
 .map th{text-align:center}
 .map s{text-decoration:line-through;text-decoration-thickness:2px}
 .map .off{outline:2px solid var(--ablate);outline-offset:-2px}
 .words td{max-width:8em;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;
border-radius:2px;font-family:ui-monospace,Menlo,Consolas,monospace}
 .u{color:var(--muted)}
 .bars td{padding:3px 8px 3px 0}
 .bar{display:block;width:220px;height:14px}
 .bar .b{fill:var(--before)}
 .bar .a{fill:var(--after)}
 ul{margin:0 0 8px;padding:0 0 0 18px}
 li{margin:0}
 .off-list{color:var(--muted);text-decoration:line-through}
 .pair{display:flex;flex-wrap:wrap;gap:16px;align-items:flex-end}
 figure{margin:0 0 8px}
 figcaption{color:var(--muted);font-size:12px;padding:0 0 4px}
 svg{display:block;max-width:100%;height:auto}
 svg text{fill:var(--muted);font:10px ui-monospace,Menlo,Consolas,monospace}
 .k{fill:var(--ink)}
 .ground{fill:var(--raised)}
"""


def card(title: str, about: str, parts: Sequence[str], foot: str) -> str:
    """A titled card of these parts; the last ones go where it would be too large.

    Args:
        title: what it is about, not escaped.
        about: a few words more.
        parts: fragments of HTML, their texts escaped.
        foot: what a reader can do.
    """
    head = f"<p><strong>mechwidget · {said(title, 120)}</strong>"
    head += f' <span class="muted">{said(about)}</span></p>'
    end = f"<p><small>{said(foot)}</small></p></div>"
    start = f'<div class="mw-still mechwidget-snapshot"><style>{style()}</style>{head}'
    room = MOST_BYTES - len((start + end).encode()) - 200
    shown: list[str] = []
    for part in filter(None, parts):
        room -= len(part.encode(errors="replace"))
        if room < 0:
            shown.append('<p class="muted">More was left out: it is too large for a snapshot.</p>')
            break
        shown.append(part)
    return start + "".join(shown) + end


def page(title: str, fragment: str) -> str:
    """A whole page of a card."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{said(title, 120)}</title>"
        "<style>body{margin:16px;background:#fff}"
        "@media (prefers-color-scheme:dark){body{background:#0b0d10}}</style></head>"
        f"<body>{fragment}</body></html>"
    )


@cache
def style() -> str:
    """The style sheet of a card. All rules lie under it, so that nothing else is repainted."""
    rules = []
    for rule in _RULES.strip().replace("\n ", "\0").replace("\n", "").split("\0"):
        selectors, brace, body = rule.partition("{")
        names = [f"{_CARD} {each.strip()}".strip() for each in selectors.split(",")]
        rules.append(",".join(names) + brace + body)
    light, dark = variables("light"), variables("dark")
    return (
        f"{_CARD}{{{light}}}@media (prefers-color-scheme:dark){{{_CARD}{{{dark}}}}}"
        f'[data-jp-theme-light="false"] {_CARD}{{{dark}}}' + "".join(rules) + level_rules(_CARD)
    )
