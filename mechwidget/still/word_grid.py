"""A grid of words in a still picture: what a stream says, a row per layer and a column per token.

In: words with their probabilities. Out: a table, thinned out where it is large, which it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.still.colours import level
from mechwidget.still.words import said, token

if TYPE_CHECKING:
    from collections.abc import Sequence

Word = tuple[str, float]

_MOST_COLUMNS, _MOST_ROWS = 10, 16
_LABEL = 14


def word_grid(
    caption: str, names: Sequence[str], tokens: Sequence[str], words: Sequence[Sequence[Word]]
) -> str:
    """Words by row and position, coloured by probability.

    Args:
        caption: what the words are.
        names: of the rows.
        tokens: that stand over the columns; the last ones are shown.
        words: `[row][position]`, each with its probability.
    """
    first = max(0, len(tokens) - _MOST_COLUMNS)
    step = max(1, -(-len(names) // _MOST_ROWS))
    rows = [*range(len(names) - 1, -1, -step)][::-1]  # the last row always is there
    thinned = [f"the last {len(tokens) - first} of {len(tokens)} tokens"] * (first > 0)
    thinned += [f"one row of {step}"] * (step > 1)
    note = f" ({', '.join(thinned)})" if thinned else ""
    head = "".join(f"<th>{token(text, _LABEL)}</th>" for text in tokens[first:])
    body = "".join(
        f"<tr><th>{said(names[row], 40)}</th>"
        + "".join(
            f'<td class="{level(share, 1.0, sequential=True)}">{token(text, _LABEL)}</td>'
            for text, share in words[row][first:]
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<figure><figcaption>{said(caption)}{said(note)}</figcaption><table class="words">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></figure>"
    )
