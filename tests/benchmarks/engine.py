"""`make bench-engine`: what replay and rows save, as ratios from one run.

Flows in: `THREADS`, `TOKENS` (e.g. "16 64") and `DEVICE` from the environment. Flows out: a table
on the terminal and in ENGINE.md beside this file. The models are random, shaped like GPT-2 small
and like a Llama with grouped heads; speed does not depend on the numbers in them.

Each ratio is between the best of several repetitions that take turns, so that a busy moment of the
machine meets both sides; for the same reason a sweep is timed layer by layer, and the times added
up. The plain loop does the same work with Hugging Face and one pre-hook; its time is that of one
head per layer, times the heads of a layer.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

import mechwidget as mw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

RESULTS = Path(__file__).parent / "ENGINE.md"
THREADS = int(os.environ.get("THREADS", "1"))
TOKENS = [int(n) for n in os.environ.get("TOKENS", "16 64 256").split()]
DEVICE = os.environ.get("DEVICE", "cpu")
RIVALS = {"transformer_lens": "TransformerLens", "nnsight": "nnsight"}
LAYERS, HEADS, WIDTH = 12, 12, 768
REPETITIONS = {16: 5, 64: 3}
HEADING = (
    "| model | tokens | own forward, ms | (1) no intervention | (1) and remembered | "
    "(2) one head | (2) vs last position | (3) sweep, s | (3) plain loop | (3) last position | "
    "share of GEMM rate |"
)


def gpt2() -> nn.Module:
    return GPT2LMHeadModel(GPT2Config()).eval()


def llama() -> nn.Module:
    sizes = {"hidden_size": WIDTH, "intermediate_size": 2048, "num_hidden_layers": LAYERS}
    config = LlamaConfig(num_attention_heads=HEADS, num_key_value_heads=4, **sizes)
    return LlamaForCausalLM(config).eval()


def best(actions: Sequence[Callable[[], object]], repetitions: int) -> list[float]:
    """The shortest time of each, in seconds; they take turns."""
    times = [float("inf")] * len(actions)
    for _ in range(repetitions):
        for index, action in enumerate(actions):
            began = time.perf_counter()
            action()
            if DEVICE != "cpu":
                torch.cuda.synchronize()
            times[index] = min(times[index], time.perf_counter() - began)
    return times


class Case:
    """One model and one length."""

    def __init__(self, module: nn.Module, n: int) -> None:
        self.module, self.n = module, n
        self.wrapped = mw.wrap(module)
        self.ids = torch.arange(100, 100 + n, device=DEVICE)[None]
        self.fresh = iter(range(1000, 10**6))

    @torch.no_grad()
    def own(self) -> None:
        self.module(self.ids, use_cache=False)

    @torch.no_grad()
    def own_last(self) -> None:
        self.module(self.ids, use_cache=False, logits_to_keep=1)

    def computed(self) -> None:
        self.wrapped.run(self.ids, replay=False)

    def remembered(self) -> None:
        ids = self.ids.clone()
        ids[0, 0] = next(self.fresh)
        self.wrapped.run(ids)

    def heads(self) -> None:
        """One head of each layer: the others of a layer cost the same."""
        for layer in range(LAYERS):
            self.wrapped.run(self.ids, [mw.Ablate(mw.Head(layer, 5))], positions=[-1])

    def sweep(self, layer: int) -> None:
        variants = [[mw.Ablate(mw.Head(layer, head))] for head in range(HEADS)]
        self.wrapped.run_rows(self.ids, variants, positions=[-1])

    def plain(self, layer: int, call: Callable[[], None]) -> None:
        width = WIDTH // HEADS

        def zero(_module: nn.Module, args: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            z = args[0].clone()
            z[..., 5 * width : 6 * width] = 0
            return (z,)

        place = self.wrapped.ledger.blocks[layer].write("attention").projection
        handle = self.module.get_submodule(place.module).register_forward_pre_hook(zero)
        call()
        handle.remove()

    def sweeps(self, repetitions: int) -> tuple[float, ...]:
        """Seconds for every head: rows, a plain loop, and one that unembeds the last position."""
        totals = [0.0, 0.0, 0.0]
        for layer in range(LAYERS):
            self.sweep(layer)  # the proofs are made once
            actions = [
                partial(self.sweep, layer),
                partial(self.plain, layer, self.own),
                partial(self.plain, layer, self.own_last),
            ]
            for index, seconds in enumerate(best(actions, repetitions)):
                totals[index] += seconds * (HEADS if index else 1)
        return tuple(totals)

    def row(self, name: str) -> str:
        repetitions = int(os.environ.get("REPETITIONS", REPETITIONS.get(self.n, 2)))
        self.wrapped.run(self.ids)
        self.heads()  # the proofs are made once
        pairs = [self.own, self.own_last, self.computed, self.remembered]
        own, last, computed, remembered = best(pairs, 2 * repetitions)
        self.wrapped.run(self.ids)
        (heads,) = best([self.heads], repetitions)
        sweep, plain, plain_last = self.sweeps(repetitions)
        shown = (
            *(f"{value:.2f}" for value in (computed / own, remembered / own)),
            *(f"{heads / LAYERS / one:.2f}" for one in (own, last)),
            f"{sweep:.2f}",
            f"{plain / sweep:.1f}",
            f"{plain_last / sweep:.1f}",
            f"{self.least() / sweep:.0%}",
        )
        return f"| {name} | {self.n} | {own * 1000:.0f} | {' | '.join(shown)} |"

    def least(self) -> float:
        """Seconds that the sweep's multiplications take at the machine's best GEMM rate."""
        blocks = sum(
            p.numel()
            for block in self.wrapped.ledger.blocks
            for p in self.module.get_submodule(block.place.module).parameters()
            if p.dim() == 2
        )
        tail = blocks / LAYERS * sum(LAYERS - layer for layer in range(LAYERS))
        unembedding = self.wrapped.d_model * self.wrapped.vocab_size * LAYERS
        return HEADS * (tail * self.n + unembedding) / gemm_rate()


def gemm_rate() -> float:
    """Multiply-adds per second of a large matrix product."""
    a, b = torch.randn(1024, WIDTH, device=DEVICE), torch.randn(WIDTH, 4 * WIDTH, device=DEVICE)
    (seconds,) = best([lambda: a @ b], 20)
    return 1024 * WIDTH * 4 * WIDTH / seconds


def main() -> None:
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    if DEVICE != "cpu" and not torch.cuda.is_available():
        print(f"There is no {DEVICE} here: nothing was measured.")
        return
    rows = []
    for name, make in (("GPT-2 small", gpt2), ("Llama, 12 heads on 4", llama)):
        module = make().to(DEVICE)
        for n in TOKENS:
            rows.append(Case(module, n).row(name))
            print(rows[-1], flush=True)
    absent = [RIVALS[name] for name in RIVALS if importlib.util.find_spec(name) is None]
    RESULTS.write_text(report(rows, absent), encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


def report(rows: list[str], absent: list[str]) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
    here = f"Python {platform.python_version()}, {versions}; {DEVICE}, {THREADS} thread(s)"
    rule = "|" + "---|" * (HEADING.count("|") - 1)
    lines = [
        "# The engine: replay and rows",
        "",
        f"Written by `make bench-engine`. {here}.",
        f"Load average {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores (1 is an idle machine).",
        f"Random weights, {LAYERS} layers of {HEADS} heads, width {WIDTH}.",
        "Every ratio is between best times of one run of the benchmark.",
        "",
        HEADING,
        rule,
        *rows,
        "",
        "1. A run without interventions ÷ the model's own forward, every position unembedded:",
        "   computed in full, and with its baseline remembered (a new prompt each time).",
        "2. One head ablated, the last position's logits, averaged over the heads of every layer ÷",
        "   the model's own forward; and ÷ the own forward that unembeds the last position only.",
        f"3. All {LAYERS * HEADS} heads one after another, last position: a loop over Hugging Face",
        "   with one hook ÷ `run_rows`; and a loop that unembeds only the last position ÷ that.",
        "   The share is that of the machine's GEMM rate which the sweep's products reach.",
    ]
    if absent:
        lines += ["", f"Not installed here, so not compared: {' and '.join(absent)}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
