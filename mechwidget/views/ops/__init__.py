"""The ops of a view: everything that a page may ask of a session, a module for each part of it.

In flows the channel of one widget; out flow its ops. A group is a class that is made of a session
and has `register(channel)`; a new one is a new module and a line below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.views.ops.arrays import Arrays
from mechwidget.views.ops.changes import Changes
from mechwidget.views.ops.continuing import Continuing
from mechwidget.views.ops.directions import DirectionNames
from mechwidget.views.ops.lens import Lens
from mechwidget.views.ops.patching_map import PatchingMap
from mechwidget.views.ops.patterns import Patterns
from mechwidget.views.ops.running import Running

if TYPE_CHECKING:
    from mechwidget.session import Session
    from mechwidget.wire import Channel

_GROUPS = (Changes, Arrays, Patterns, DirectionNames, Continuing, Lens, PatchingMap, Running)


def register_ops(session: Session, channel: Channel) -> None:
    """Let the pages of a view call every op."""
    for group in _GROUPS:
        group(session).register(channel)
