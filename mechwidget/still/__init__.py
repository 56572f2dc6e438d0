"""Still pictures: what an experiment shows where no kernel and no script runs.

In: plain numbers and texts, all of them untrusted. Out: fragments of HTML and SVG with words beside
every picture, light and dark by the reader's own setting, with no script and nothing to fetch.
nbconvert, nbviewer, an editor without a kernel and the server show them.
"""

from __future__ import annotations

from mechwidget.still.frame import MOST_BYTES, card, page
from mechwidget.still.head_map import head_map
from mechwidget.still.outcome import outcome
from mechwidget.still.pattern import pattern
from mechwidget.still.prompt import prompt
from mechwidget.still.sentences import interventions, snapshots
from mechwidget.still.table import rows
from mechwidget.still.word_grid import word_grid

__all__ = [
    "MOST_BYTES",
    "card",
    "head_map",
    "interventions",
    "outcome",
    "page",
    "pattern",
    "prompt",
    "rows",
    "snapshots",
    "word_grid",
]
