"""Answers of kernels leave at once: TCP_NODELAY on the websocket between page and kernel.

jupyter_server does not set it, so a small message may wait for the page to acknowledge the one
before (Nagle's algorithm against delayed acknowledgement), which costs each click some 40 ms. In
flows the handler class of that websocket; out flows the same class, whose `open` also sets it.
"""

from __future__ import annotations

import functools
from contextlib import suppress
from typing import Any

_MARK = "_mechwidget_nodelay"


def send_at_once(handler: Any) -> bool:
    """Let every websocket of this handler class send without delay; whether it does now.

    Done once however often it is asked for. What the class did before, it still does.
    """
    opened = getattr(handler, "open", None)
    if opened is None or not callable(getattr(handler, "set_nodelay", None)):
        return False
    if not getattr(opened, _MARK, False):
        handler.open = _without_delay(opened)
    return True


def _without_delay(opened: Any) -> Any:
    @functools.wraps(opened)
    def open_without_delay(self: Any, *args: Any, **kwargs: Any) -> Any:
        with suppress(Exception):  # a socket that has no such option is as good as it was
            self.set_nodelay(True)
        return opened(self, *args, **kwargs)

    setattr(open_without_delay, _MARK, True)
    return open_without_delay
