"""Runs, however many and however they end, leave nothing behind but what is remembered."""

from __future__ import annotations

import gc
import itertools
import resource
import sys
from contextlib import suppress

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import CancelledError
from mechwidget.models.budget import Budget
from tests.models.zoo.build import build, example

MEGABYTE = 2**20
KINDS = ("gpt2", "llama", "gemma2", "gptj", "mixtral", "mamba")


def tensors_alive() -> int:
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())


def resident() -> int:
    """The most bytes that this process has ever had in memory."""
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
    if model.n_experts(1):
        lists.append([mw.Ablate(mw.ExpertNeuron(1, 0, 3))])
    return lists


def runs(model: mw.HookedModel, count: int) -> None:
    """So many runs: alone, as rows, cancelled, and over ever new prompts."""
    lists = one_of_each(model)
    for number, edits in zip(range(count), itertools.cycle(lists), strict=False):
        ids = example()
        ids[0, 0] = 3 + number % 90
        model.run(ids, edits, read=["resid_post"], positions=[-1])
        if number % 10 == 0:
            model.run_rows(ids, lists, positions=[-1])
        if number % 10 == 5:
            answers = itertools.chain([False, False], itertools.repeat(True))
            with suppress(CancelledError):  # what pytest keeps of an error is a cycle
                model.run(ids, [mw.Scale(mw.Residual(0), 2)], cancelled=lambda a=answers: next(a))


@pytest.mark.parametrize("name", ["gpt2", "gptj", "mixtral"])
def test_as_many_tensors_are_alive_after_many_runs_as_after_few(name: str) -> None:
    model = mw.wrap(build(name))
    model.baselines.budget = Budget(remembered=50_000)  # full after a few prompts
    gc.collect()
    gc.disable()
    try:
        runs(model, 30)
        few = tensors_alive()
        runs(model, 30)
        assert tensors_alive() <= few + 20  # the prompts remembered are not all of one size
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_memory_is_flat_over_five_thousand_runs() -> None:
    models = [mw.wrap(build(name)) for name in KINDS]
    for model in models:
        model.baselines.budget = Budget(remembered=50_000)
        runs(model, 100)
    gc.collect()
    few, before = tensors_alive(), resident()
    for model in models:
        runs(model, 5_000 // len(models))
    gc.collect()
    assert tensors_alive() <= few + 20 * len(models)
    assert resident() - before < 8 * MEGABYTE
