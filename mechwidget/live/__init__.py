"""What a running kernel says of its open sessions to whoever may ask: a Jupyter server, a panel.

In flow open sessions, which announce themselves; out flow small JSON answers on the kernel's
control channel, also while a cell runs. Nothing here knows models, widgets or servers: a session is
whatever has the two methods of `Live`. Outside a kernel, announcing costs a dictionary entry.
"""

from __future__ import annotations

from mechwidget.live.kernel import answer_in_this_kernel
from mechwidget.live.roster import Live, changed, enlist, withdraw

__all__ = ["Live", "announce", "changed", "withdraw"]


def announce(owner: object, live: Live) -> None:
    """Take in a session for as long as `owner` lives, and answer for it where this is a kernel."""
    answer_in_this_kernel()
    enlist(owner, live)
