"""The vocabulary, read off the word lists and the sentences: never from a sample of documents."""

import re
from typing import Any

from mechwidget.microcosm.corpus import templates, world
from mechwidget.microcosm.corpus.countries import COUNTRIES

_SLOT = re.compile(r"\{\w+\}")
_WORD = re.compile(r"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]+")


def _strings(value: Any) -> list[str]:
    """Every string in a nest of tuples and dicts."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [part for item in value.items() for part in item]
    if isinstance(value, tuple | list):
        return [text for part in value for text in _strings(part)]
    return []


def _constants(module: Any) -> list[str]:
    return [text for key in dir(module) if key.isupper() for text in _strings(getattr(module, key))]


def lexicon() -> tuple[list[str], list[str]]:
    """All words and all punctuation marks of the microcosm, each sorted."""
    texts = _constants(world) + _constants(templates) + _strings(list(COUNTRIES))
    texts += [world.plural(noun) for noun in world.NOUNS]
    texts += ["he she his her", *world.YEARS, *map(str, range(10))]
    tokens = {token for text in texts for token in _WORD.findall(_SLOT.sub(" ", text))}
    tokens |= {";", "->", "?", "!"}
    return sorted(t for t in tokens if t.isalnum()), sorted(t for t in tokens if not t.isalnum())
