"""`mw.explore`: a model and a prompt in, a workbench out.

mw.explore("microcosm", "The capital of France is")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.session import Session
from mechwidget.views.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.analysis import Metric


def explore(model: Any, prompt: str | Sequence[int], metric: Metric | None = None) -> Workbench:
    """Open a workbench on a new session.

    Args:
        model: a hooked model, a module in memory, or the name or folder of one to load.
        prompt: text, or token ids.
        metric: `LogitDiff`, `Probability`, or None.

    Returns:
        The workbench; the experiment behind it is `.session`.
    """
    return Workbench(Session(model, prompt, metric))
