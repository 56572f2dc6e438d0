"""Training: the same bits twice, another seed other bits, and a loss that falls."""

import hashlib
import json
import random
from pathlib import Path

import pytest
import torch

from mechwidget.microcosm import checkpoint_path
from mechwidget.microcosm.batches import IGNORE, batches
from mechwidget.microcosm.corpus import rows
from mechwidget.microcosm.tokenizer import BOS_ID, CONTEXT, PAD_ID, build_tokenizer
from mechwidget.microcosm.train import Log, Recipe, save_model, train

TOKENIZER = build_tokenizer()


def short_training(folder: Path, seed: int) -> str:
    folder.mkdir()
    recipe = Recipe(seed=seed, steps=20, rows_per_step=16, probe_every=10)
    model = train(recipe, TOKENIZER, Log(folder / "log.jsonl"))
    save_model(model, folder)
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_a_seed_decides_every_bit(tmp_path: Path) -> None:
    first = short_training(tmp_path / "first", 3)
    torch.rand(5)  # what happened before must not matter
    random.random()
    assert short_training(tmp_path / "second", 3) == first
    assert short_training(tmp_path / "third", 4) != first


def test_the_loss_falls_and_is_logged(tmp_path: Path) -> None:
    short_training(tmp_path / "run", 0)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [10, 20]
    assert log[1]["loss"] < log[0]["loss"] < 7.5


def test_batches_score_all_tokens_but_the_unpredictable() -> None:
    drawn = rows(random.Random(5), 40)
    parts = list(batches(random.Random(5), TOKENIZER, 40))
    assert sum(len(part.ids) for part in parts) == len(drawn)
    lengths = [min(len(TOKENIZER(row.text)["input_ids"]) + 1, CONTEXT) for row in drawn]
    scored = sum(int((part.labels != IGNORE).sum()) for part in parts)
    assert scored == sum(n - 1 - row.unlearnable for n, row in zip(lengths, drawn, strict=True))
    for ids, labels in parts:
        assert (ids[:, 0] == BOS_ID).all()
        assert (labels[ids == PAD_ID] == IGNORE).all()
        assert (labels[labels != IGNORE] == ids[labels != IGNORE]).all()


class EnoughError(Exception):
    """Stops a training at its first log entry."""


class FirstEntry(Log):
    def write(self, entry: dict[str, object]) -> None:
        self.entry = entry
        raise EnoughError


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_script_retraces_the_shipped_log() -> None:
    """Five hundred steps of the real recipe. Processors differ in bits, not in the loss."""
    shipped = (checkpoint_path() / "training_log.jsonl").read_text("utf-8").splitlines()[0]
    log = FirstEntry(None)
    with pytest.raises(EnoughError):
        train(Recipe(), TOKENIZER, log)
    expected = json.loads(shipped)
    assert log.entry["tokens"] == expected["tokens"]
    assert log.entry["loss"] == pytest.approx(expected["loss"], abs=0.02)
