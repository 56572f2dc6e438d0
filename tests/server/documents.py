"""A recipe to send about."""

from __future__ import annotations

from typing import Any


def recipe(**other: Any) -> dict[str, Any]:
    """A valid one, with some fields of another content."""
    return {
        "format": "mechwidget-recipe",
        "version": 2,
        "model": {"name": "microcosm"},
        "prompts": {"a": {"text": "The capital of France is"}},
        "interventions": [
            {"does": {"type": "ablate", "component": {"type": "head", "layer": 1, "head": 2}}}
        ],
        **other,
    }
