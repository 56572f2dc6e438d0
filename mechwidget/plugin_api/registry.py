"""Every part there is, by group and name: the one door through which all of them come.

In: declared entry points. Out: parts, loaded when somebody asks for them, and the health of each.
Names are given to whoever comes first: mechwidget itself, then packages in the order of their
names.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from mechwidget.plugin_api.declared import all_declared
from mechwidget.plugin_api.loading import Loading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mechwidget.plugin_api.declared import Declared
    from mechwidget.plugin_api.health import Health


class Registry:
    """The parts of all groups.

    Args:
        find: what is declared; asked on first use, and again by `look_again`.
    """

    def __init__(self, find: Callable[[], Iterable[Declared]] = all_declared) -> None:
        self._find = find
        self._lock = threading.RLock()
        self._loadings: dict[Declared, Loading] | None = None
        self._news: Counter[str] = Counter()

    def version(self, group: str) -> int:
        """Another number whenever a part of the group was found, has loaded or has failed."""
        return self._news[group]

    def names(self, group: str) -> tuple[str, ...]:
        """What is declared in a group and not known to be lost; nothing is loaded."""
        there = self._of(group)
        return tuple(each.declared.name for each in there if not each.health.lost)

    def part(self, group: str, name: str) -> Any:
        """One part by its name, loaded now if it was not; None where there is none that works."""
        for each in self._of(group):
            if each.declared.name == name:
                return each.load()
        return None

    def parts(self, group: str) -> dict[str, Any]:
        """Every part of a group that works, loaded now where it was not."""
        loaded = {each.declared.name: each.load() for each in self._of(group)}
        return {name: part for name, part in loaded.items() if part is not None}

    def record(self, group: str, name: str) -> Health | None:
        """What is known of one part."""
        found = (each.health for each in self._of(group) if each.declared.name == name)
        return next(found, None)

    def health(self, *, load: bool = False) -> tuple[Health, ...]:
        """What is known of every part; with `load`, after having loaded all of them."""
        for each in self._all():
            if load and not each.health.lost:
                each.load()
        return tuple(each.health for each in self._all())

    def culprit(self, error: BaseException) -> str:
        """The package of the plugin that raised an error, and what it said; empty for no plugin.

        Told by where the traceback ends: the innermost function that is a plugin's. Noted in the
        health of what that module brings.
        """
        modules = _modules(error)
        theirs = [each for each in self._all() if not each.health.own and each.declared.value]
        for module in reversed(modules):
            package = module.partition(".")[0]
            found = [each for each in theirs if each.declared.module.partition(".")[0] == package]
            if found:
                said = f"{type(error).__name__}: {str(error)[:300]}".rstrip(": ")
                nearest = [each for each in found if each.declared.module == module] or found
                for each in nearest:
                    each.blame(f"raised when it was used: {said}")
                return f"{found[0].health.origin} failed: {said}"
        return ""

    def refuse(self, group: str, name: str, reason: str) -> None:
        """Note that whoever uses a part cannot take it."""
        for each in self._of(group):
            if each.declared.name == name:
                each.fail(reason, "wrong protocol")

    def look_again(self) -> None:
        """Look for what was installed since; what is loaded stays."""
        with self._lock:
            before = self._loadings or {}
            self._loadings = {}
            for declared in self._find():
                self._loadings[declared] = before.get(declared) or self._loading(declared)

    def _all(self) -> list[Loading]:
        with self._lock:
            if self._loadings is None:
                self.look_again()
            return list((self._loadings or {}).values())

    def _of(self, group: str) -> list[Loading]:
        """Those of a group, the first of each name."""
        first: dict[str, Loading] = {}
        for each in self._all():
            if each.declared.group == group:
                first.setdefault(each.declared.name, each)
        return list(first.values())

    def _loading(self, declared: Declared) -> Loading:
        made = Loading(declared, lambda: self._news.update((declared.group,)))
        for each in self._loadings or {}:
            if (each.group, each.name) == (declared.group, declared.name):
                made.fail(f"the name {each.name!r} is taken by {each.distribution}")
        self._news[declared.group] += 1
        return made


def _modules(error: BaseException) -> list[str]:
    """The modules that an error came through, the one that raised it last."""
    frames = []
    here = error.__traceback__
    while here is not None:
        frames.append(str(here.tb_frame.f_globals.get("__name__", "")))
        here = here.tb_next
    return frames


REGISTRY = Registry()
"""What is installed here."""
