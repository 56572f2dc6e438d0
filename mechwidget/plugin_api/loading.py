"""One entry point, loaded once, alone, and with an eye on the clock.

Other people's parts are imported on a thread of their own: one that takes for ever is left out and
named, and comes in late should it arrive; whatever one raises, SystemExit included, ends there.
mechwidget's own parts are imported where they are asked for.

In: a declared entry point. Out: the part, or why there is none.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mechwidget.plugin_api.groups import GROUPS
from mechwidget.plugin_api.health import Health, State
from mechwidget.plugin_api.version import misfit

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.plugin_api.declared import Declared

SLOW_S = 2.0
"""An import that takes longer is reported as slow."""
PATIENCE_S = 5.0
"""So long it is waited for; then everything else goes on without it."""


class Loading:
    """One entry point and what has become of it.

    Args:
        declared: the entry point.
        told: called, on any thread, when there is news.
    """

    def __init__(self, declared: Declared, told: Callable[[], object]) -> None:
        self.declared = declared
        self._told = told
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._part: Any = None
        self._begun = 0.0
        about = (declared.group, declared.name, declared.value)
        self._health = Health(*about, declared.distribution, declared.version)
        if declared.fault:
            self.fail(declared.fault)
        elif declared.group not in GROUPS:
            self.fail(f"there is no group {declared.group!r}; there are {', '.join(GROUPS)}")

    @property
    def health(self) -> Health:
        """What is known of it now."""
        health, thread = self._health, self._thread
        if thread is None or not thread.is_alive():
            return health
        seconds = time.monotonic() - self._begun
        reason = f"still being imported after {seconds:.1f} s, and left out meanwhile"
        return replace(health, state="slow", reason=reason, seconds=seconds)

    @property
    def part(self) -> Any:
        """The part, if it is there and fits; else None."""
        return self._part if self._health.usable else None

    def load(self) -> Any:
        """The part, loaded now if it was not; None where it cannot be had, or not yet."""
        with self._lock:
            first = self._health.state == "not loaded" and self._thread is None
            if first and self._prepared():
                self._begun = time.monotonic()
                if self._health.own:
                    self._load()
                else:
                    name = f"mechwidget plugin {self.declared.name}"
                    self._thread = threading.Thread(target=self._load, name=name, daemon=True)
                    self._thread.start()
            if first and self._thread is not None:
                self._thread.join(PATIENCE_S)
        return self.part

    def fail(self, reason: str, state: State = "failed") -> None:
        """It cannot be used."""
        self._health = replace(self._health, state=state, reason=reason, usable=False)
        self._told()

    def blame(self, reason: str) -> None:
        """It raised when it was used; the next time may go better, so it stays."""
        if self._health.usable:
            self._health = replace(self._health, state="failed", reason=reason)
            self._told()

    def _prepared(self) -> bool:
        """Whether what the group stands on is there; torch may not be."""
        try:
            GROUPS[self.declared.group].prepare()
        except Exception as error:  # noqa: BLE001 - told as the reason
            self.fail(f"what it stands on cannot be imported: {type(error).__name__}: {error}")
            return False
        return True

    def _load(self) -> None:
        seconds = None
        try:
            part: Any = import_module(self.declared.module)
            for name in filter(None, self.declared.value.partition(":")[2].strip().split(".")):
                part = getattr(part, name)
            seconds = time.monotonic() - self._begun
            self._health = replace(self._health, seconds=seconds)
            self._judge(part, seconds)
        except BaseException as error:
            if self._health.own and isinstance(error, KeyboardInterrupt):
                raise  # a person's, in the thread of whoever asked; the next one may try again
            if seconds is None:
                self._health = replace(self._health, seconds=time.monotonic() - self._begun)
            self.fail(f"{type(error).__name__}: {str(error)[:300]}".rstrip(": "))

    def _judge(self, part: Any, seconds: float) -> None:
        if reason := misfit(part, self.declared.module):
            self.fail(reason, "incompatible")
        elif reason := GROUPS[self.declared.group].fault(self.declared.name, part):
            self.fail(reason, "wrong protocol")
        else:
            self._part = part
            slow = seconds > SLOW_S and not self._health.own
            reason = f"its import took {seconds:.1f} s" if slow else ""
            state: State = "slow" if slow else "ok"
            self._health = replace(self._health, state=state, reason=reason, usable=True)
            self._told()
