"""What lies in the checkpoint folder: small, complete, and telling one story."""

import json
import subprocess
import sys

import pytest
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from mechwidget.microcosm import checkpoint_path, phenomena
from mechwidget.microcosm.evaluation.behaviours import BEHAVIOURS
from mechwidget.microcosm.evaluation.card import model_card
from mechwidget.microcosm.examples import EXAMPLES
from mechwidget.microcosm.train import Recipe

FOLDER = checkpoint_path()
TRAINING = json.loads((FOLDER / "training.json").read_text("utf-8"))
LOG = [json.loads(line) for line in (FOLDER / "training_log.jsonl").read_text("utf-8").splitlines()]


def test_at_most_eight_megabytes() -> None:
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) <= 8_000_000


def test_everything_is_there() -> None:
    assert {file.name for file in FOLDER.iterdir()} >= {
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "training.json",
        "training_log.jsonl",
        "phenomena.json",
        "MODEL_CARD.md",
    }


def test_no_machine_is_named() -> None:
    for file in FOLDER.iterdir():
        if file.suffix in (".json", ".jsonl", ".md"):
            text = file.read_text("utf-8")
            assert not [
                path for path in ("/home", "/work", "/tmp", "/root", "\\Users") if path in text
            ]


def test_plain_transformers_load_it() -> None:
    model = AutoModelForCausalLM.from_pretrained(FOLDER)
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    assert str(model.dtype) == "torch.float32"
    assert model.config.bos_token_id == model.config.eos_token_id == tokenizer.bos_token_id
    assert model.config.pad_token_id == tokenizer.pad_token_id
    ids = tokenizer("The capital of France is", return_tensors="pt")
    said = model.generate(**ids, max_new_tokens=2, do_sample=False)
    assert tokenizer.decode(said[0], skip_special_tokens=True).endswith("is Paris.")


def test_weights_are_half_precision_and_only_weights() -> None:
    with safe_open(FOLDER / "model.safetensors", "pt") as file:
        names = list(file.keys())
        assert {file.get_slice(name).get_dtype() for name in names} == {"F16"}


def test_the_script_that_ships_is_the_one_that_trained() -> None:
    recipe = Recipe()
    assert TRAINING["recipe"] == json.loads(json.dumps(recipe.__dict__))
    assert LOG[-1]["step"] == recipe.steps
    assert [entry["step"] for entry in LOG] == list(
        range(recipe.probe_every, recipe.steps + 1, recipe.probe_every)
    )
    assert TRAINING["threads"] == 1


def test_the_card_says_what_was_measured(found) -> None:
    assert (FOLDER / "MODEL_CARD.md").read_text("utf-8") == model_card(found, TRAINING)


def test_every_promise_of_the_report_is_kept(found) -> None:
    assert set(found["behaviours"]) == set(BEHAVIOURS)
    assert set(found["examples"]) == set(EXAMPLES)
    broken = [name for name, row in found["behaviours"].items() if row["passed"] is False]
    broken += [row["claim"] for row in found["clicks"] if not row["passed"]]
    assert not broken


def test_the_report_judges_by_its_own_numbers(found) -> None:
    for name, row in found["behaviours"].items():
        assert row["passed"] == BEHAVIOURS[name].passed(row["value"])
        assert row["threshold"] == BEHAVIOURS[name].threshold


@pytest.mark.parametrize("module", ["mechwidget.microcosm", "mechwidget.microcosm.examples"])
def test_importing_costs_no_torch(module: str) -> None:
    code = f"import sys, {module}; print(not {{'torch', 'transformers'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_phenomena_are_read_from_the_checkpoint(found) -> None:
    assert phenomena() == found
