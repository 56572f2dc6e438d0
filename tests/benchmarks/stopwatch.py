"""Times that may be divided by one another, and the arithmetic that they are held against.

In: actions. Out: the shortest time of each, in seconds; they take turns, so that a busy moment of
the machine meets all of them. `THREADS` and `DEVICE` come from the environment.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mechwidget.models import HookedModel

THREADS = int(os.environ.get("THREADS", "1"))
DEVICE = os.environ.get("DEVICE", "cpu")
_SIZE = (1024, 768, 3072)  # a matrix product as large as any in the models


def best(actions: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """The shortest time of each action, in seconds."""
    times = dict.fromkeys(actions, float("inf"))
    for _ in range(repetitions):
        for name, action in actions.items():
            times[name] = min(times[name], timed(action))
    return times


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes, what it put on a GPU included."""
    _wait()
    began = time.perf_counter()
    action()
    _wait()
    return time.perf_counter() - began


def gemm_rate() -> float:
    """Multiply-adds per second of a large matrix product in float32."""
    n, k, m = _SIZE
    a, b = torch.randn(n, k, device=DEVICE), torch.randn(k, m, device=DEVICE)
    for _ in range(3):
        a @ b
    return n * k * m / best({"": lambda: a @ b}, 12)[""]


def multiply_adds(model: HookedModel, tokens: int, blocks: float, unembedded: int) -> float:
    """What one row needs: its matrix products, the causal half of attention, the unembedding.

    Norms, activations and softmax are not counted.
    """
    ledger = model.ledger
    weights = sum(
        parameter.numel()
        for block in ledger.blocks
        for parameter in model.model.get_submodule(block.place.module).parameters()
        if parameter.dim() == 2
    )
    width = ledger.d_model  # of the heads together, in the models that are measured here
    per_block = tokens * weights / len(ledger.blocks) + tokens * (tokens + 1) * width
    return blocks * per_block + unembedded * width * ledger.vocab_size


def _wait() -> None:
    if DEVICE != "cpu":
        torch.cuda.synchronize()
