"""Dictionaries by name, so that an intervention can name a feature without holding its tensors.

All come in by one door, `register_dictionary`, and stay for the life of the process. A name such as
"source:reference" is asked of the plugin that brings that source, and registered then.

In: dictionaries. Out: dictionaries by name.
"""

from __future__ import annotations

from typing import TypeVar

from mechwidget.dictionaries.contract import FeatureDictionary, require_dictionary
from mechwidget.dictionaries.sources import from_source
from mechwidget.errors import DictionaryError

_LONGEST_NAME = 80
_REGISTERED: dict[str, FeatureDictionary] = {}

Given = TypeVar("Given", bound=FeatureDictionary)


def register_dictionary(name: str, dictionary: Given, *, replace: bool = False) -> Given:
    """Make a dictionary known by a name, e.g. `"gpt2 resid_pre 8"`; returns it.

    Raises:
        DictionaryError: it is no dictionary, or the name is no short text, or is taken by another
            one, of other numbers, and `replace` is not set.
    """
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME:
        raise DictionaryError(
            f"The name of a dictionary is {name!r:.60}; expected text of 1 to {_LONGEST_NAME} "
            "characters."
        )
    require_dictionary(dictionary)
    known = _REGISTERED.get(name)
    if known is not None and not replace and not _are_equal(known, dictionary):
        raise DictionaryError(
            f"There is a dictionary called {name!r} already.",
            "Choose another name, or register it with replace=True.",
        )
    _REGISTERED[name] = dictionary
    return dictionary


def _are_equal(one: FeatureDictionary, other: FeatureDictionary) -> bool:
    """Whether they are the same, as after a cell of a notebook has run a second time."""
    fingerprint = getattr(one, "fingerprint", "")
    return one is other or (bool(fingerprint) and fingerprint == getattr(other, "fingerprint", ""))


def dictionary_names() -> tuple[str, ...]:
    """The names of all dictionaries, in the order in which they were registered."""
    return tuple(_REGISTERED)


def find_dictionary(name: str) -> FeatureDictionary:
    """The dictionary of that name, loaded where a plugin has it; `DictionaryError` if none has."""
    given = None if name in _REGISTERED else from_source(name)
    if given is not None:
        register_dictionary(name, given)
    if name not in _REGISTERED:
        there = f"there are {', '.join(_REGISTERED)}" if _REGISTERED else "none is registered"
        raise DictionaryError(
            f"No dictionary is called {name!r:.90}; {there}.",
            "Register it first: mechwidget.register_dictionary(name, dictionary).",
        )
    return _REGISTERED[name]


def name_of(dictionary: object) -> str:
    """The name that a dictionary is registered by; `DictionaryError` if it is not."""
    for name, known in _REGISTERED.items():
        if known is dictionary:
            return name
    raise DictionaryError(
        f"This {type(dictionary).__name__} is not registered, so that an intervention could not "
        "name it.",
        "Register it first: mechwidget.register_dictionary(name, dictionary).",
    )
