"""What may take long and needs no model, such as importing a plugin: done on a thread of its own.

In flows work; out flows what the wire calls a deferred answer, so that whatever else a page asks
is answered meanwhile.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def aside(work: Callable[[], T]) -> Future[T]:
    """The result of `work()`, once there is one."""
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever asked is told
            future.set_exception(error)

    threading.Thread(target=run, name="mechwidget aside", daemon=True).start()
    return future
