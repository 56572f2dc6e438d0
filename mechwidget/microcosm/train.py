"""Training: from a seed to the checkpoint, on one thread, bit for bit the same on one machine.

GPT-2's architecture, 4 layers of 4 heads. AdamW, warm-up, cosine. Weights are rounded to float16
at the end, and those rounded weights are what is evaluated and shipped (loaded as float32).
"""

import json
import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from mechwidget.microcosm.batches import IGNORE, batches
from mechwidget.microcosm.tokenizer import BOS_ID, CONTEXT, PAD_ID

_logger = logging.getLogger(__name__)
Probe = Callable[[GPT2LMHeadModel], dict[str, float]]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, besides the corpus."""

    seed: int = 0
    steps: int = 6000
    rows_per_step: int = 80
    layers: int = 4
    heads: int = 4
    width: int = 128
    mlp_width: int = 384
    learning_rate: float = 2e-3
    final_rate: float = 0.03  # share of the learning rate that the cosine ends on
    warm_up: int = 200
    weight_decay: float = 0.1
    clip: float = 1.0
    probe_every: int = 500


def new_model(recipe: Recipe, vocabulary: int) -> GPT2LMHeadModel:
    """An untrained model of the recipe's shape."""
    config = GPT2Config(  # type: ignore[call-arg]  # attn_implementation is every config's
        vocab_size=vocabulary,
        n_positions=CONTEXT,
        n_embd=recipe.width,
        n_layer=recipe.layers,
        n_head=recipe.heads,
        n_inner=recipe.mlp_width,
        activation_function="gelu_pytorch_tanh",  # GPT-2's gelu_new, fused
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        bos_token_id=BOS_ID,
        eos_token_id=BOS_ID,
        pad_token_id=PAD_ID,
        attn_implementation="eager",  # faster than SDPA at this size on a CPU
    )
    torch.manual_seed(recipe.seed)
    return GPT2LMHeadModel(config)


def _optimizer(model: GPT2LMHeadModel, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW that decays matrices but neither gains, biases nor position embeddings."""
    decayed: list[torch.nn.Parameter] = []
    free: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (decayed if parameter.dim() > 1 and "wpe" not in name else free).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98), fused=True)


def _rate(recipe: Recipe, step: int) -> float:
    """The learning rate's factor at a step: linear warm-up, then cosine."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / recipe.steps)))
    return min(1.0, (step + 1) / recipe.warm_up) * (
        recipe.final_rate + (1 - recipe.final_rate) * cosine
    )


def _step(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, rng: random.Random, count: int
) -> tuple[float, int]:
    """Accumulate the gradients of one step; returns the mean loss and the tokens seen."""
    parts = list(batches(rng, tokenizer, count))
    targets = sum(int((part.labels[:, 1:] != IGNORE).sum()) for part in parts)
    total, tokens = 0.0, 0
    for part in parts:
        hidden = model.transformer(part.ids).last_hidden_state[:, :-1]
        labels = part.labels[:, 1:]
        kept = labels != IGNORE  # unembed only what is scored: half of the cost of a step
        loss = torch.nn.functional.cross_entropy(
            model.lm_head(hidden[kept]), labels[kept], reduction="sum"
        )
        (loss / targets).backward()  # type: ignore[no-untyped-call]
        total += loss.item() / targets
        tokens += part.ids.numel()
    return total, tokens


class Log:
    """One JSON object per probe: step, loss, tokens, seconds, and what the probe measured."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.started = time.perf_counter(), time.process_time()
        if path:
            path.write_text("")

    def seconds(self) -> dict[str, float]:
        """Wall and CPU time since the start."""
        wall, cpu = self.started
        return {
            "wall_seconds": round(time.perf_counter() - wall, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
        }

    def write(self, entry: dict[str, Any]) -> None:
        """Append one line."""
        line = json.dumps(entry | self.seconds())
        _logger.info(line)
        if self.path:
            with self.path.open("a") as file:
                file.write(line + "\n")


def train(
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    log: Log,
    probe: Probe | None = None,
) -> GPT2LMHeadModel:
    """Train a model; `probe` is called every `probe_every` steps and its numbers are logged."""
    torch.set_num_threads(1)  # the order of sums, and so the weights, depend on it
    model = new_model(recipe, len(tokenizer))
    rng = random.Random(recipe.seed)  # noqa: S311 - reproducible, not secret
    optimizer = _optimizer(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(recipe, step))
    losses: list[float] = []
    seen = 0
    model.train(True)
    for step in range(1, recipe.steps + 1):
        optimizer.zero_grad()
        loss, tokens = _step(model, tokenizer, rng, recipe.rows_per_step)
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
        schedule.step()
        losses.append(loss)
        seen += tokens
        if step % recipe.probe_every == 0 or step == recipe.steps:
            model.train(False)
            measured = probe(model) if probe else {}
            mean_loss = round(sum(losses) / len(losses), 4)
            log.write({"step": step, "loss": mean_loss, "tokens": seen} | measured)
            losses.clear()
            model.train(True)
    model.train(False)
    return model


def save_model(model: GPT2LMHeadModel, folder: Path) -> None:
    """Write the weights as float16; the config asks for float32 when they are loaded again."""
    folder.mkdir(parents=True, exist_ok=True)
    tied = {"lm_head.weight"}
    weights = {
        name: tensor.detach().to(torch.float16).contiguous()
        for name, tensor in model.state_dict().items()
        if name not in tied
    }
    file = folder / "model.safetensors"
    save_file(weights, file, metadata={"format": "pt"})
    file.chmod(0o644)  # safetensors makes it private, and a wheel would keep that
    model.config.architectures = ["GPT2LMHeadModel"]
    model.config.dtype = torch.float32
    model.config.save_pretrained(folder)
