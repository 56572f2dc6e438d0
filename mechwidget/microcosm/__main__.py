"""`python -m mechwidget.microcosm`: train the model, measure it, write everything next to it.

python -m mechwidget.microcosm                     # the shipped checkpoint, again
python -m mechwidget.microcosm --out DIR --seed 1  # another one
python -m mechwidget.microcosm evaluate            # measure the shipped checkpoint
"""

import argparse
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from mechwidget.microcosm import checkpoint_path
from mechwidget.microcosm.evaluation.probe import training_probe
from mechwidget.microcosm.evaluation.report import METADATA, evaluate_checkpoint
from mechwidget.microcosm.tokenizer import save_tokenizer
from mechwidget.microcosm.train import Log, Recipe, save_model, train
from mechwidget.microcosm.versions import versions

LOG = "training_log.jsonl"


def run_training(recipe: Recipe, folder: Path) -> None:
    """Train by the recipe and write model, tokenizer, log and metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = save_tokenizer(folder)
    log = Log(folder / LOG)
    model = train(recipe, tokenizer, log, training_probe(tokenizer))
    save_model(model, folder)
    metadata: dict[str, Any] = {
        "recipe": asdict(recipe),
        "parameters": model.num_parameters(),
        "vocabulary": len(tokenizer),
        "threads": torch.get_num_threads(),
        "versions": versions(),
        **log.seconds(),
    }
    (folder / METADATA).write_text(json.dumps(metadata, indent=2) + "\n", "utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m mechwidget.microcosm", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("train", "evaluate"), default="train")
    parser.add_argument("--out", type=Path, default=checkpoint_path(), help="checkpoint folder")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--steps", type=int, default=Recipe.steps)
    parser.add_argument("--questions", type=int, default=400, help="questions per behaviour")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    if options.command == "train":
        run_training(Recipe(seed=options.seed, steps=options.steps), options.out)
    evaluate_checkpoint(options.out, options.questions)


if __name__ == "__main__":
    main()
