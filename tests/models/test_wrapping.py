"""`mw.wrap`: models of one's own, wrapped layers, compiled models, and what is refused and why."""

from __future__ import annotations

import functools
import gc
import time
import weakref
from collections.abc import Callable, Iterator
from types import MethodType

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

import mechwidget as mw
from mechwidget.errors import SiteError, UnsupportedModelError
from tests.models.homemade import Homemade, LowRank, Quantised, Repeated, replaced
from tests.models.state import state_of
from tests.models.zoo.build import (
    build,
    edited_copy,
    example,
    hooked,
    own_logits,
    zero_head_weights,
)

IDS = torch.tensor([[3, 14, 15, 9, 2, 6]])


@torch.no_grad()
def first_of(model: nn.Module) -> torch.Tensor:
    return model(IDS)[0]


def test_a_homemade_decoder_is_read_without_being_told_anything() -> None:
    model = Homemade()
    wrapped = mw.wrap(model)
    assert (wrapped.n_layers, wrapped.n_heads(0), wrapped.n_neurons(0)) == (3, 4, 48)
    assert (wrapped.d_model, wrapped.vocab_size, wrapped.name) == (32, 50, "Homemade")
    assert torch.equal(wrapped.run(IDS).logits, first_of(model))
    copy = edited_copy(model)
    zero_head_weights(copy.blocks[1].attention.out, 2, 4)
    assert torch.equal(wrapped.run(IDS, [mw.Ablate(mw.Head(1, 2))]).logits, first_of(copy))
    pattern = wrapped.run(IDS, read=[("pattern", 1)]).read["pattern", 1]
    assert torch.allclose(pattern.sum(-1), torch.ones(1, 4, 6))


def test_a_block_that_runs_three_times_is_three_layers() -> None:
    model = Repeated()
    wrapped = mw.wrap(model)
    assert wrapped.n_layers == 3
    assert torch.equal(wrapped.run(IDS).logits, first_of(model))
    sites = ["resid_pre", "resid_post", "pattern", "z"]
    plain = wrapped.run(IDS, read=sites).read
    edited = wrapped.run(IDS, [mw.Ablate(mw.Head(1, 0))], read=sites).read
    assert torch.equal(plain["resid_post", 0], edited["resid_post", 0])
    assert (edited["z", 1][:, :, 0] == 0).all()
    assert (edited["z", 2][:, :, 0] != 0).any()
    assert torch.equal(plain["pattern", 0], edited["pattern", 0])
    assert not torch.equal(plain["pattern", 2], edited["pattern", 2])


@pytest.mark.parametrize("kind", [LowRank, Quantised])
def test_wrapped_linear_layers_are_still_the_projections(kind: type[nn.Module]) -> None:
    model = Homemade()
    for layer in range(3):
        replaced(model, f"blocks.{layer}.attention.out", kind)
        replaced(model, f"blocks.{layer}.mlp.2", kind)
    wrapped = mw.wrap(model)
    assert [wrapped.n_heads(i) for i in range(3)] == [4, 4, 4]
    assert [wrapped.n_neurons(i) for i in range(3)] == [48, 48, 48]
    assert all(block.additive for block in wrapped.ledger.blocks)
    run = wrapped.run(IDS, [mw.Ablate(mw.Head(1, 2))], read=[("z", 1)])
    assert (run.read["z", 1][:, :, 2] == 0).all()
    assert not torch.equal(run.logits, first_of(model))


def test_a_model_that_was_changed_after_wrapping_says_so() -> None:
    model = Homemade()
    wrapped = mw.wrap(model)
    model.blocks = nn.ModuleList(list(model.blocks)[:2])
    with pytest.raises(UnsupportedModelError, match=r"no longer has the module 'blocks\.2'"):
        wrapped.run(IDS, read=[("resid_post", 2)])
    assert mw.wrap(model).n_layers == 2


def test_lora_added_after_wrapping_is_seen() -> None:
    model = Homemade()
    wrapped = mw.wrap(model)
    replaced(model, "blocks.0.attention.out", LowRank)
    assert torch.equal(wrapped.run(IDS).logits, first_of(model))
    assert wrapped.run(IDS, [mw.Ablate(mw.Head(0, 0))]).fired[0].change > 0


def compiled_whole(model: nn.Module) -> nn.Module:
    return torch.compile(model, backend="eager")


def compiled_in_place(model: nn.Module) -> nn.Module:
    model.compile(backend="eager")
    return model


def compiled_forward(model: nn.Module) -> nn.Module:
    model.forward = torch.compile(model.forward, backend="eager")
    return model


def compiled_block(model: nn.Module) -> nn.Module:
    model.blocks[1] = torch.compile(model.blocks[1], backend="eager")
    return model


@pytest.mark.parametrize(
    "compile_it", [compiled_whole, compiled_in_place, compiled_forward, compiled_block]
)
def test_a_compiled_model_is_edited_although_it_was_compiled(compile_it) -> None:
    """Hooks added after compilation do not fire; ours must, silently wrong numbers are worse."""
    expected = mw.wrap(Homemade()).run(IDS, [mw.Ablate(mw.Head(1, 2))])
    model = compile_it(Homemade())
    first_of(model)  # compiled and warm before we come
    wrapped = mw.wrap(model)
    run = wrapped.run(IDS, [mw.Ablate(mw.Head(1, 2))])
    assert torch.equal(run.logits, expected.logits)
    assert run.fired[0].change > 0
    assert torch.allclose(first_of(model), wrapped.run(IDS).logits)


def test_a_forward_replaced_as_accelerate_does_runs_on_the_twin() -> None:
    """`module.forward = partial(new_forward, module)` with `_old_forward`: offloading hooks."""

    def new_forward(module, *args, **kwargs):
        seen.append(type(module).__name__)
        return module._old_forward(*args, **kwargs)

    model, seen = Homemade(), []
    for module in [*model.modules()]:
        module._old_forward = module.forward
        partial = functools.partial(new_forward, module)
        module.forward = functools.update_wrapper(partial, module._old_forward)
    before = state_of(model)
    wrapped = mw.wrap(model)
    seen.clear()
    run = wrapped.run(IDS, [mw.Ablate(mw.Head(1, 2))])
    assert len(seen) > 20
    assert torch.equal(run.logits, mw.wrap(Homemade()).run(IDS, [mw.Ablate(mw.Head(1, 2))]).logits)
    assert state_of(model) == before


def test_a_bound_method_kept_as_an_attribute_runs_on_the_twin() -> None:
    model = Homemade()
    block = model.blocks[1]
    block.forward = MethodType(type(block).forward, block)
    run = mw.wrap(model).run(IDS, [mw.Ablate(mw.MLP(1))])
    assert run.fired[0].change > 0


def test_lists_that_a_forward_appends_to_do_not_grow() -> None:
    class Logging(Homemade):
        def __init__(self) -> None:
            super().__init__()
            self.log: list[int] = []

        def forward(self, idx, targets=None):
            self.log.append(1)
            return super().forward(idx, targets)

    model = Logging()
    mw.wrap(model).run(IDS)
    assert model.log == []


@pytest.fixture
def no_cycle_collection() -> Iterator[None]:
    """Memory of a GPU must not wait for the cycle collector."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_cycle_collection")
@pytest.mark.parametrize("name", ["gpt2", "gptj", "falcon", "gemma2", "mixtral"])
def test_a_wrapped_model_is_freed_when_nobody_holds_it(name: str) -> None:
    model = build(name)
    wrapped = mw.wrap(model)
    run = wrapped.run(example(), [mw.Ablate(mw.Head(0, 0))], read=wrapped.sites)
    alive = weakref.ref(wrapped), *(weakref.ref(weight) for weight in model.parameters())
    del model, wrapped
    assert [ref() for ref in alive] == [None] * len(alive)
    assert run.logits.shape == (1, 11, 99)


@pytest.mark.usefixtures("no_cycle_collection")
@pytest.mark.parametrize("name", ["gpt2", "gptj", "falcon", "gemma2", "mixtral"])
def test_what_was_read_is_freed_with_its_run(name: str) -> None:
    model = hooked(name)
    run = model.run(example(), [mw.Ablate(mw.Head(1, 0))], read=model.sites)
    alive = [weakref.ref(tensor) for tensor in run.read.values()]
    del run
    assert [ref() for ref in alive] == [None] * len(alive)


def modules_alive() -> int:
    return sum(issubclass(type(thing), nn.Module) for thing in gc.get_objects())


def test_twins_do_not_pile_up() -> None:
    model = build("gpt2")
    wrapped = mw.wrap(model)
    wrapped.run(example())
    gc.collect()
    before = modules_alive()
    for _ in range(5):
        wrapped.run(example(), read=wrapped.sites)
    gc.collect()
    assert modules_alive() == before


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(20, 8)
        self.net = nn.Sequential(nn.Conv1d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv1d(8, 20, 1))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.net(self.tokens(ids).transpose(1, 2)).transpose(1, 2)


class Segments(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(20, 8)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.tokens(ids)[:, None]


class Picture(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(20, 8)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(pixels, torch.ones(1, 3, 3, 3))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: nn.Linear(3, 3), "Linear has no token embedding"),
        (Convolutions, "No residual stream was found: 5 module calls were traced"),
        (Picture, "its forward failed on 7 token ids with RuntimeError"),
        (Segments, r"expected logits of shape \[batch, position, vocabulary\]"),
    ],
)
def test_what_is_no_transformer_is_refused_saying_where_the_trace_stopped(model, message) -> None:
    with pytest.raises(UnsupportedModelError, match=message) as caught:
        mw.wrap(model())
    assert caught.value.hint


def test_something_that_is_no_module_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="wrap was given str; expected a torch module"):
        mw.wrap("gpt2")


def test_one_layer_is_enough() -> None:
    config = GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=30, n_positions=16)
    wrapped = mw.wrap(GPT2LMHeadModel(config))
    assert (wrapped.n_layers, wrapped.n_heads(0), wrapped.max_positions) == (1, 2, 16)
    with pytest.raises(SiteError):
        wrapped.run([1, 2], read=[("z", 1)])


def cpu_time_of(action: Callable[[], object]) -> float:
    """The least of several: this thread's processor time, whatever else the machine does."""
    times = []
    for _ in range(9):
        started = time.thread_time()
        action()
        times.append(time.thread_time() - started)
    return min(times)


def test_wrapping_and_running_cost_next_to_nothing() -> None:
    """12 layers, as GPT-2 small has; there, a forward takes 100 ms or more."""
    config = GPT2Config(n_layer=12, n_head=12, n_embd=192, vocab_size=5000)
    model, ids = GPT2LMHeadModel(config).eval(), torch.arange(3, 67)[None]
    wrapped = mw.wrap(model)
    own = cpu_time_of(lambda: own_logits(model, ids))
    assert cpu_time_of(lambda: wrapped.run(ids)) - own < 0.006
    assert cpu_time_of(lambda: mw.wrap(model)) < 0.5
