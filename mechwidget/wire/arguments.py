"""The `args` of a request, read one by one, each with its type and bounds.

In: a mapping from a page, JSON in form and otherwise anything. Out: values of the type asked for,
or a `ProtocolError` that names the argument, what was expected and what came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mechwidget.errors import ProtocolError


class Arguments(Mapping[str, Any]):
    """A read-only mapping with typed readers.

    Example:
        layer = args.integer("layer", 0, model.n_layers - 1)
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise ProtocolError(f"the argument {name!r} is missing")
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: str, default: Any = None) -> Any:
        """The argument as it came, or `default`."""
        return self._values.get(name, default)

    def only(self, *names: str) -> Arguments:
        """Refuse arguments that the op does not have; returns itself."""
        unknown = sorted(self._values.keys() - set(names))
        if unknown:
            known = ", ".join(names) or "no arguments"
            raise ProtocolError(f"there is no argument {unknown[0][:40]!r}; this op takes {known}")
        return self

    def integer(self, name: str, low: int, high: int) -> int:
        """A whole number between `low` and `high`, both included."""
        value = self[name]
        if type(value) is not int or not low <= value <= high:
            raise self._wrong(name, f"a whole number from {low} to {high}")
        return value

    def text(self, name: str, max_characters: int = 200_000) -> str:
        """Text of at most `max_characters`."""
        value = self[name]
        if not isinstance(value, str) or len(value) > max_characters:
            raise self._wrong(name, f"text of at most {max_characters} characters")
        return value

    def boolean(self, name: str) -> bool:
        """True or false."""
        value = self[name]
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def choice(self, name: str, *choices: str) -> str:
        """One of the given words."""
        value = self[name]
        if not isinstance(value, str) or value not in choices:
            raise self._wrong(name, "one of " + ", ".join(choices))
        return value

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object."""
        value = self[name]
        if not isinstance(value, Mapping):
            raise self._wrong(name, "an object")
        return value

    def _wrong(self, name: str, expected: str) -> ProtocolError:
        return ProtocolError(f"{name!r} has to be {expected}, not {repr(self._values[name])[:60]}")
