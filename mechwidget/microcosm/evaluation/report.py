"""The report: everything that is known about a checkpoint, as `phenomena.json` and a model card."""

import json
import logging
from pathlib import Path
from typing import Any

from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

from mechwidget.microcosm.evaluation.ablations import ablation_tables, find_roles
from mechwidget.microcosm.evaluation.behaviours import (
    BEHAVIOURS,
    battery,
    measure_all,
    random_repeats,
    repeats_for,
)
from mechwidget.microcosm.evaluation.card import model_card
from mechwidget.microcosm.evaluation.clicks import clicks
from mechwidget.microcosm.evaluation.heads import attention_scores
from mechwidget.microcosm.evaluation.showcase import showcase
from mechwidget.microcosm.versions import versions

PHENOMENA, CARD, METADATA = "phenomena.json", "MODEL_CARD.md", "training.json"
SEED = 1  # of the questions
_logger = logging.getLogger(__name__)


def load(folder: Path) -> tuple[GPT2LMHeadModel, PreTrainedTokenizerFast]:
    """The checkpoint exactly as anybody would load it."""
    if not (folder / "config.json").is_file():  # else transformers would ask the network for it
        raise FileNotFoundError(f"no checkpoint in {folder}")
    # Eager is the one attention implementation that returns its patterns.
    model: Any = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    return model.eval(), tokenizer


def _behaviours(values: dict[str, float], questions: int) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "title": behaviour.title,
            "value": values[name],
            "unit": behaviour.unit,
            "questions": repeats_for(questions) if behaviour.source is None else questions,
            "threshold": behaviour.threshold,
            "near_zero": behaviour.near_zero,
            "passed": behaviour.passed(values[name]),
            "paper": behaviour.paper,
        }
        for name, behaviour in BEHAVIOURS.items()
    }


def phenomena(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, questions: int
) -> dict[str, Any]:
    """Measure everything. Ablations are measured on half of the questions."""
    values = measure_all(model, battery(tokenizer, questions, SEED))
    scores = attention_scores(model, random_repeats(tokenizer, repeats_for(questions), SEED))
    roles = find_roles(scores)
    ablations = ablation_tables(model, roles, battery(tokenizer, questions // 2, SEED), SEED)
    return {
        "seed": SEED,
        "versions": versions(),
        "behaviours": _behaviours(values, questions),
        "heads": {
            "previous_token": str(roles.previous_token),
            "weaker_previous_token": [str(head) for head in roles.weaker_previous_token],
            "induction": [str(head) for head in roles.induction],
            "scores": scores,
        },
        "clicks": clicks(roles, ablations),
        "ablations": {
            "questions": questions // 2,
            "repeats": repeats_for(questions // 2),
            **ablations,
        },
        "examples": showcase(model, tokenizer, roles),
    }


def evaluate_checkpoint(folder: Path, questions: int) -> None:
    """Measure a checkpoint and write the report into its folder."""
    found = phenomena(*load(folder), questions)
    training = json.loads((folder / METADATA).read_text("utf-8"))
    (folder / PHENOMENA).write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    card = model_card(found, training)
    (folder / CARD).write_text(card, "utf-8")
    _logger.info(card)
