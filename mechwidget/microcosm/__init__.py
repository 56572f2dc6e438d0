"""microcosm: the small language model that ships with mechwidget, and the script that made it.

A GPT-2-architecture model of 0.8 million parameters, trained on a synthetic world so that textbook
phenomena (induction, indirect objects, facts, agreement, refusal, …) are really in it. `corpus`
says what the world is, `train` makes the weights, `evaluation` measures what they do and writes
`phenomena.json` and `MODEL_CARD.md` next to them. Importing this package costs neither torch nor
transformers.
"""

import json
from pathlib import Path
from typing import Any

__all__ = ["checkpoint_path", "phenomena"]


def checkpoint_path() -> Path:
    """The folder with the shipped model, for `AutoModelForCausalLM.from_pretrained`."""
    return Path(__file__).parent / "checkpoint"


def phenomena() -> dict[str, Any]:
    """What the evaluation measured on the shipped checkpoint: behaviours, heads, showcases."""
    found: dict[str, Any] = json.loads((checkpoint_path() / "phenomena.json").read_text("utf-8"))
    return found
