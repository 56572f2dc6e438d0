"""Runs, however many and however they end, leave nothing behind but what is remembered."""

from __future__ import annotations

import gc
import itertools
import resource
import sys
import tracemalloc
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import CancelledError
from mechwidget.models.budget import Budget
from tests.dictionaries.made import registered
from tests.models.zoo.build import build, example

MEGABYTE = 2**20
KINDS = ("gpt2", "llama", "gemma2", "gptj", "mixtral", "mamba")


class Alive(NamedTuple):
    """What a process holds: objects, tensors among them, bytes of Python's, bytes in memory."""

    objects: int
    tensors: int
    allocated: int
    resident: int


def alive() -> Alive:
    objects = gc.get_objects()
    tensors = sum(issubclass(type(each), torch.Tensor) for each in objects)
    return Alive(len(objects), tensors, tracemalloc.get_traced_memory()[0], _resident())


def _resident() -> int:
    """Bytes in memory now; where nobody says, the most that there ever were."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def one_of_each(model: mw.HookedModel) -> list[list[object]]:
    """Lists of interventions that use every kind of hook, tap and source."""
    lists: list[list[object]] = [[], [mw.Scale(mw.Residual(1), 0.5), mw.Freeze("norm")]]
    if model.n_heads(1):
        lists.append([mw.Ablate(mw.Head(1, 2)), mw.Freeze("pattern")])
        lists.append([mw.Patch(mw.Head(1, 0), example(13), "end")])
        lists.append([mw.KnockOut(mw.Edge(1, 0, -1, 0))])
    if model.has_mlp(1):
        lists.append([mw.Ablate(mw.MLP(1), "mean", [example(5), example(7)])])
    if mw.Site("mlp_in", 1) in model.sites:
        of = registered(model.d_model, ("mlp_in", 1), ("mlp_out", 1))
        lists.append([mw.Ablate(mw.Feature(of, 3), "mean", [example(5), example(7)])])
    if model.n_experts(1):
        lists.append([mw.Ablate(mw.ExpertNeuron(1, 0, 3))])
    return lists


def runs(model: mw.HookedModel, count: int) -> None:
    """So many runs: alone, as rows, cancelled, and over ever new prompts."""
    lists = one_of_each(model)
    for number, edits in zip(range(count), itertools.cycle(lists), strict=False):
        ids = example()
        ids[0, 0] = 3 + number % 90
        model.run(ids, edits, ["resid_post"], [-1], replay=number % 7 > 0)
        if number % 10 == 0:
            model.run_rows(ids, lists, positions=[-1])
        if number % 10 == 5:
            answers = itertools.chain([False, False], itertools.repeat(True))
            with suppress(CancelledError):  # what pytest keeps of an error is a cycle
                model.run(ids, [mw.Scale(mw.Residual(0), 2)], cancelled=lambda a=answers: next(a))


def wrapped(name: str) -> mw.HookedModel:
    model = mw.wrap(build(name))
    model.baselines.budget = Budget(remembered=50_000)  # full after a few prompts
    return model


@pytest.mark.parametrize("name", ["gpt2", "gptj", "mixtral"])
def test_as_many_tensors_are_alive_after_many_runs_as_after_few(name: str) -> None:
    """Without the cycle collector: nothing may have to wait for it."""
    model = wrapped(name)
    gc.collect()
    gc.disable()
    try:
        runs(model, 30)
        few = alive().tensors
        runs(model, 30)
        assert alive().tensors <= few + 20  # the prompts remembered are not all of one size
    finally:
        gc.enable()


def flat_over(kinds: Sequence[str], count: int, *, traced: bool = False) -> None:
    """So many runs of these kinds hold no more in the end than after the first few."""
    models = [wrapped(name) for name in kinds]
    for model in models:
        runs(model, 100)  # what is remembered is full, all is proved
    if traced:  # which makes everything several times slower
        tracemalloc.start()
    try:
        for model in models:
            runs(model, 12)
        gc.collect()
        few = alive()
        for model in models:
            runs(model, count // len(models))
        gc.collect()
        many = alive()
    finally:
        tracemalloc.stop()
    assert many.tensors - few.tensors <= 20 * len(models)
    assert many.objects - few.objects < 200 * len(models)
    assert many.allocated - few.allocated < 100_000 * len(models)
    assert many.resident - few.resident < 16 * MEGABYTE


def test_memory_is_flat_over_hundreds_of_runs() -> None:
    flat_over(["gpt2"], 300)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("kinds", "count", "traced"), [(KINDS, 5_000, False), (["gpt2"], 600, True)]
)
def test_memory_is_flat_over_thousands_of_runs(
    kinds: Sequence[str], count: int, traced: bool
) -> None:
    flat_over(kinds, count, traced=traced)
