"""A reference set of prompts: what a neuron is looked at over.

In: a list of texts or token ids, a text file with one prompt per line, a column of a DataFrame, or
any iterable of these. Out: a `Corpus`: each prompt once, in the order given, and what was left out.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from mechwidget.errors import MechwidgetError

CorpusPrompt: TypeAlias = "str | tuple[int, ...]"

MOST_PROMPTS = 1_000_000
"""The most prompts of one set: whatever is longer has to be sampled by whoever knows it."""

_MOST_BYTES = 512 * 2**20  # of a text file, which is read at once


@dataclass(frozen=True)
class Corpus:
    """Prompts to look at neurons over. Made by `read_corpus`.

    Attributes:
        prompts: text or token ids, each once, in the order in which they were given.
        name: where they are from, in a few words; "" of a list.
        duplicates: how many were left out since they were equal to an earlier one.
        blank: how many were left out since there was nothing in them.
    """

    prompts: tuple[CorpusPrompt, ...]
    name: str = ""
    duplicates: int = 0
    blank: int = 0

    def __len__(self) -> int:
        return len(self.prompts)

    @cached_property
    def digest(self) -> str:
        """64 hexadecimal digits that are the same for the same prompts in the same order."""
        digest = hashlib.sha256()
        for prompt in self.prompts:
            kind = "t" if isinstance(prompt, str) else "i"
            said = prompt if isinstance(prompt, str) else " ".join(map(str, prompt))
            raw = said.encode("utf-8", "surrogatepass")
            digest.update(f"{kind}{len(raw)}:".encode())
            digest.update(raw)
        return digest.hexdigest()

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        return f"Corpus({name}{len(self):,} prompts)"


def read_corpus(source: Any, *, encoding: str = "utf-8", name: str = "") -> Corpus:
    """The reference set that `source` is or names.

    Args:
        source: a `Corpus`; a path to a text file with a prompt on each line; a column of a
            DataFrame; or any iterable of texts and sequences of token ids. Missing values and
            blank lines are left out, and of equal prompts all but the first.
        encoding: of a text file.
        name: what to call it; "" is found out.

    Raises:
        MechwidgetError: there is no prompt in it, an item is none, a file cannot be read or is
            not text in that encoding (with the offset of the first byte that is not).
    """
    if isinstance(source, Corpus):
        return source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return _collected(_lines(path, encoding), name or f"{path.name}, line by line")
    if hasattr(source, "columns") and hasattr(source, "to_numpy"):
        columns = ", ".join(map(repr, list(source.columns)[:6]))
        raise MechwidgetError(
            "A reference set is one column of a DataFrame, not all of it.",
            f"Name the column: frame[…], one of {columns}.",
        )
    if isinstance(source, Mapping | bytes | bytearray) or not isinstance(source, Iterable):
        raise MechwidgetError(
            f"A reference set cannot be made of {type(source).__name__}.",
            "Give a list of texts, a path to a text file, or a column of a DataFrame.",
        )
    column = getattr(source, "name", None)
    said = f"column {column!r}" if isinstance(column, str) and hasattr(source, "to_numpy") else ""
    return _collected(source, name or said)


def _collected(given: Iterable[Any], name: str) -> Corpus:
    found: dict[CorpusPrompt, None] = {}
    n, blank = 0, 0
    for n, item in enumerate(islice(given, MOST_PROMPTS + 1), start=1):
        prompt = _prompt(item, n - 1)
        if prompt is None:
            blank += 1
        else:
            found.setdefault(prompt)
    if n > MOST_PROMPTS:
        raise MechwidgetError(
            f"There are more than {MOST_PROMPTS:,} prompts.", "Give a sample of them."
        )
    if not found:
        what = "nothing but blanks" if blank else "no prompt"
        raise MechwidgetError(
            f"The reference set is empty: there is {what} in {name or 'it'}.",
            "Give at least one prompt.",
        )
    return Corpus(tuple(found), name, n - blank - len(found), blank)


def _prompt(item: Any, index: int) -> CorpusPrompt | None:
    """An item as a prompt; None where there is nothing in it."""
    if isinstance(item, str):
        return item if item.strip() else None
    if item is None or (isinstance(item, float) and item != item):
        return None
    ids = item.tolist() if hasattr(item, "tolist") else item
    listed = isinstance(ids, Sequence) and not isinstance(ids, bytes | bytearray)
    if listed and all(isinstance(each, int) and not isinstance(each, bool) for each in ids):
        return tuple(ids) or None
    raise MechwidgetError(
        f"Item {index} of the reference set is {type(item).__name__}: {item!r:.60}.",
        "Each has to be text, or a sequence of token ids.",
    )


def _lines(path: Path, encoding: str) -> Iterable[str]:
    try:
        size = path.stat().st_size
        raw = b"" if size > _MOST_BYTES else path.read_bytes()
    except OSError as error:
        hint = "A reference set of one prompt is a list of one: [text]."
        raise MechwidgetError(
            f"The file {str(path)[:200]!r} could not be read: {error.strerror}.", hint
        ) from error
    if size > _MOST_BYTES:
        raise MechwidgetError(
            f"{path.name} has {size:,} bytes; at most {_MOST_BYTES:,} are read at once.",
            "Give a part of it: itertools.islice(open(path, encoding='utf-8'), 10_000).",
        )
    try:
        return raw.decode(encoding).removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").splitlines()
    except UnicodeDecodeError as error:
        wrong = raw[error.start]
        raise MechwidgetError(
            f"{path.name} is not {encoding} text: byte {error.start:,} (0x{wrong:02x}, in line "
            f"{raw.count(0x0A, 0, error.start) + 1:,}) belongs to no character.",
            "Save it as UTF-8, or say what it is: read_corpus(path, encoding='latin-1').",
        ) from error
    except LookupError as error:
        raise MechwidgetError(f"There is no encoding {encoding!r}.", "Say e.g. 'utf-8'.") from error
