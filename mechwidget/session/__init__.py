"""The session: what a person is doing with a model, and the worker that computes it.

In flow changes, from code or from a page; out flow states, numbers and notices. Nothing here
knows widgets or messages.
"""

from __future__ import annotations

from mechwidget.session.direction_sources import OtherMinusThis, Saved, Unembedding
from mechwidget.session.loaded import Difference
from mechwidget.session.now import Now, Selection
from mechwidget.session.session import Session
from mechwidget.session.snapshots import Snapshot, Snapshots

__all__ = [
    "Difference",
    "Now",
    "OtherMinusThis",
    "Saved",
    "Selection",
    "Session",
    "Snapshot",
    "Snapshots",
    "Unembedding",
]
