"""Recipes: a session as a file (`*.mech.json`), as a document and nothing else.

In: text or plain JSON. Out: documents that are checked, migrated, compared, written, and shown as a
page. No torch, no Jupyter, no model: a server, a command line and an editor use it as a session
does, which reads and writes the files (`Session.save`, `Session.load`).
"""

from __future__ import annotations

from mechwidget.recipes.difference import Change, difference
from mechwidget.recipes.files import read_file, write_file
from mechwidget.recipes.migration import migrate
from mechwidget.recipes.numbers import packed, unpacked
from mechwidget.recipes.picture import to_html
from mechwidget.recipes.problem import Problem, RecipeError
from mechwidget.recipes.reading import read
from mechwidget.recipes.schema import FORMAT, SUFFIX, VERSION, schema
from mechwidget.recipes.text import MOST_BYTES, MOST_DEEP, dumps, loads
from mechwidget.recipes.unknown import with_unknown
from mechwidget.recipes.validation import validate

__all__ = [
    "FORMAT",
    "MOST_BYTES",
    "MOST_DEEP",
    "SUFFIX",
    "VERSION",
    "Change",
    "Problem",
    "RecipeError",
    "difference",
    "dumps",
    "loads",
    "migrate",
    "packed",
    "read",
    "read_file",
    "schema",
    "to_html",
    "unpacked",
    "validate",
    "with_unknown",
    "write_file",
]
