"""One lock per module, shared by everything that runs it.

In: a module. Out: its lock. Entries go away with their module.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from torch import nn

_LOCKS: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_GUARD = threading.Lock()


def lock_of(module: nn.Module) -> threading.RLock:
    """The lock of this very module."""
    with _GUARD:
        return _LOCKS.setdefault(module, threading.RLock())
