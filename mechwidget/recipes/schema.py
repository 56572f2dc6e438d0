"""The schema of a recipe, as it is shipped, and a way to walk it beside a document.

In: `schema.json` (JSON Schema 2020-12). Out: the schema, its version, and which fields are known at
a place, so that key order and the survival of unknown fields come from one source.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

Node = dict[str, Any]

FORMAT = "mechwidget-recipe"
VERSION = 2
SUFFIX = ".mech.json"


@cache
def schema() -> Node:
    """The schema; not to be changed."""
    text = files("mechwidget.recipes").joinpath("schema.json").read_text(encoding="utf-8")
    read: Node = json.loads(text)
    return read


def known_fields(node: Node) -> dict[str, Node]:
    """The fields that an object has at a place of the schema, in the order of the file."""
    found: dict[str, Node] = _followed(node).get("properties", {})
    return found


def field(node: Node, name: str) -> Node:
    """The place of one field of an object; an empty one where the schema does not name it."""
    found: Node = known_fields(node).get(name, {})
    return found


def items(node: Node) -> Node:
    """The place of the entries of a list."""
    found: Node = _followed(node).get("items", {})
    return found


def _followed(node: Node) -> Node:
    """Behind a reference, and behind “null, or else”."""
    while True:
        if "$ref" in node:
            node = schema()["$defs"][node["$ref"].rpartition("/")[2]]
        elif "if" in node and "properties" not in node and isinstance(node.get("else"), dict):
            node = node["else"]
        else:
            return node
