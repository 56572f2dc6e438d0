"""Replay is recomputation, bit for bit: across the zoo, under new weights, after any failure."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.errors import CancelledError
from mechwidget.models.budget import Budget
from tests.models.custom import Custom, interventions, same
from tests.models.homemade import Homemade, Repeated
from tests.models.zoo.build import build, example, hooked, own_logits
from tests.models.zoo.species import ZOO


@pytest.mark.parametrize("name", ZOO)
def test_replay_gives_what_recomputing_gives(name: str) -> None:
    model, ids = hooked(name), example()
    model.run(ids)
    model.run(ids, read=["pattern"] if any(s.name == "pattern" for s in model.sites) else ())

    @settings(max_examples=12, deadline=None)
    @given(
        edits=interventions(model),
        read=st.lists(st.sampled_from(model.sites), max_size=3),
        positions=st.sampled_from([None, [-1], [4, 2]]),
    )
    def law(edits, read, positions) -> None:
        replayed = model.run(ids, edits, read, positions)
        full = model.run(ids, edits, read, positions, replay=False)
        assert same(replayed.logits, full.logits)
        assert replayed.attention == full.attention
        assert all(same(replayed.read[site], full.read[site]) for site in full.read)
        assert str(replayed.fired) == str(full.fired)

    law()


@pytest.mark.parametrize("name", ZOO)
def test_every_architecture_of_the_zoo_does_replay(name: str) -> None:
    model, ids = hooked(name), example()
    model.run(ids)
    last = mw.Site("resid_pre", model.n_layers - 1)
    run = model.run(ids, [Custom(last, lambda tensor: tensor * 2)])
    assert run.plan.replayed == model.n_layers - 1
    assert model.run(ids).plan.replayed == model.n_layers
    assert model.run(ids, replay=False).plan.replayed == 0


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gptj", "mamba"])
def test_an_edit_leaves_everything_before_it_bit_identical(name: str) -> None:
    model, ids = hooked(name), example()
    baseline = model.run(ids, read=["resid_pre", "resid_post"])

    def at_six(tensor: torch.Tensor) -> torch.Tensor:
        edited = tensor.clone()
        edited[:, 6] += 1
        return edited

    for replay in (True, False):
        edit = [Custom(mw.Site("resid_post", 1), at_six)]
        run = model.run(ids, edit, ["resid_pre", "resid_post"], replay=replay)
        assert torch.equal(run.read["resid_post", 0], baseline.read["resid_post", 0])
        assert torch.equal(run.read["resid_pre", 1], baseline.read["resid_pre", 1])
        later = model.n_layers - 1
        there, before = run.read["resid_post", later], baseline.read["resid_post", later]
        assert torch.equal(there[:, :6], before[:, :6])
        assert not torch.equal(there[:, 6:], before[:, 6:])


def changes() -> dict[str, object]:
    def replaced(model) -> None:
        model.transformer.h[0].mlp.c_proj.weight = torch.nn.Parameter(torch.zeros(48, 32))

    def in_place(model) -> None:
        with torch.no_grad():
            model.transformer.h[0].mlp.c_proj.weight[3, 5] += 1

    def behind_its_back(model) -> None:
        model.transformer.h[0].attn.c_proj.weight.data[8:16] = 0

    def data_swapped(model) -> None:
        bias = model.transformer.h[0].ln_1.bias
        bias.data = bias.data + 1

    def loaded(model) -> None:
        state = {name: value * 1.5 for name, value in model.state_dict().items()}
        model.load_state_dict(state)

    def stepped(model) -> None:
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        model(example(), labels=example()).loss.backward()
        optimizer.step()

    def configured(model) -> None:
        model.transformer.h[0].attn.scaling = 0.5

    def hooked_by_the_user(model) -> None:
        model.transformer.h[0].register_forward_hook(lambda _m, _a, out: out * 2)

    def rebuilt(model) -> None:
        model.transformer.h[0].mlp = build("gpt2").transformer.h[1].mlp

    found = (replaced, in_place, behind_its_back, data_swapped, loaded, stepped, configured)
    return {change.__name__: change for change in (*found, hooked_by_the_user, rebuilt)}


@pytest.mark.parametrize("change", changes())
def test_no_number_is_ever_stale(change: str) -> None:
    model, ids, edit = build("gpt2"), example(), [mw.Ablate(mw.Head(2, 1))]
    wrapped = mw.wrap(model)
    wrapped.run(ids)
    assert wrapped.run(ids, edit).plan.replayed == 2
    changes()[change](model)
    now = wrapped.run(ids, edit)
    assert now.plan.replayed == 0
    assert torch.equal(now.logits, wrapped.run(ids, edit, replay=False).logits)
    assert torch.equal(wrapped.run(ids).logits, own_logits(model, ids))


@pytest.mark.parametrize("change", changes())
def test_the_version_moves_with_the_model_and_with_nothing_else(change: str) -> None:
    model, ids = build("gpt2"), example()
    wrapped = mw.wrap(model)
    version = wrapped.baselines.version()
    wrapped.run(ids, [mw.Ablate(mw.Head(1, 1))], read=["z"])
    wrapped.run_rows(ids, [[mw.Ablate(mw.Head(1, head))] for head in range(4)])
    assert wrapped.baselines.version() == version
    changes()[change](model)
    assert wrapped.baselines.version() != version


def test_the_version_moves_at_every_question_while_a_hook_could_do_anything() -> None:
    model = build("gpt2")
    wrapped = mw.wrap(model)
    before = wrapped.baselines.version()
    hook = model.transformer.h[0].register_forward_hook(lambda *_: None)
    asked = [wrapped.baselines.version() for _ in range(3)]
    assert len({before, *asked}) == 4
    hook.remove()
    after = wrapped.baselines.version()
    assert after not in {before, *asked}
    assert wrapped.baselines.version() == after
    wrapped.baselines.forget()
    assert wrapped.baselines.version() != after


def test_hooks_of_the_users_own_are_called_in_every_run() -> None:
    model, ids, called = build("gpt2"), example(), []
    wrapped = mw.wrap(model)
    wrapped.run(ids)
    model.transformer.h[0].register_forward_hook(lambda *_: called.append(1) and None)
    for count in (1, 2, 3):
        run = wrapped.run(ids, [mw.Ablate(mw.MLP(2))] if count > 1 else ())
        assert len(called) == count
    assert "hooks of your own" in str(run.plan)


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_what_transformers_leaves_behind_keeps_no_run_from_replaying(name: str) -> None:
    """Asked for hidden states once, it hooks every block for good; its hooks sleep in our runs."""
    model, ids = build(name), example()
    with torch.no_grad():
        model(ids, output_hidden_states=True)
    assert any(part._forward_hooks for part in model.modules())
    wrapped = mw.wrap(model)
    wrapped.run(ids)
    run = wrapped.run(ids, [mw.Ablate(mw.MLP(2))])
    assert run.plan.replayed == 2
    assert torch.equal(run.logits, wrapped.run(ids, [mw.Ablate(mw.MLP(2))], replay=False).logits)


def test_a_block_that_runs_several_times_is_counted_by_its_calls() -> None:
    model, ids = mw.wrap(Repeated()), [5, 7, 2, 9]
    model.run(ids)
    edit = [Custom(mw.Site("resid_pre", 2), lambda tensor: tensor * 2)]
    run = model.run(ids, edit)
    assert run.plan.replayed == 2
    assert torch.equal(run.logits, model.run(ids, edit, replay=False).logits)
    inside = model.run(ids, [mw.Ablate(mw.Head(2, 1))])
    assert inside.plan.replayed == 0
    assert "share the module" in inside.plan.why
    assert torch.equal(
        inside.logits, model.run(ids, [mw.Ablate(mw.Head(2, 1))], replay=False).logits
    )


class LeavesInAMapping(Homemade):
    """Blocks that hand something on beside the stream, as shared keys and values are."""

    def forward(self, idx, targets=None):
        shared: dict[str, torch.Tensor] = {}
        x = self.tokens(idx) + self.places(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x, shared)
        return self.head(self.norm(x)), targets


class LeavesOnItself(LeavesInAMapping):
    """The same through an attribute, which nobody can see from outside."""


def leaky(kind: type[Homemade]) -> mw.HookedModel:
    model = kind()

    class Beside(type(model.blocks[0])):
        def forward(self, x, shared):
            store = shared if kind is LeavesInAMapping else NOTES
            if self.first:
                store["kept"] = x.sin()
            elif kind is LeavesOnItself:
                x = x + store.pop("kept") * 0
                store["kept"] = x.cos()
            x = x + self.attention(self.before_attention(x))
            return x + self.mlp(self.before_mlp(x + store["kept"]))

    for index, block in enumerate(model.blocks):
        block.__class__, block.first = Beside, index == 0
    return mw.wrap(model)


NOTES: dict[str, torch.Tensor] = {}


def test_what_blocks_leave_in_a_mapping_is_put_there_again() -> None:
    model, ids = leaky(LeavesInAMapping), [5, 7, 2, 9]
    model.run(ids)
    run = model.run(ids, [mw.Ablate(mw.Head(2, 1))])
    assert run.plan.replayed == 2
    assert torch.equal(run.logits, model.run(ids, [mw.Ablate(mw.Head(2, 1))], replay=False).logits)


def test_a_model_that_cannot_be_replayed_is_found_out_and_computed_in_full() -> None:
    model, ids = leaky(LeavesOnItself), [5, 7, 2, 9]
    model.run(ids)
    NOTES.clear()
    run = model.run(ids, [mw.Ablate(mw.Head(2, 1))])
    assert run.plan.replayed == 0
    assert "did not give the baseline's own logits" in run.plan.why
    full = model.run(ids, [mw.Ablate(mw.Head(2, 1))], replay=False)
    assert torch.equal(run.logits, full.logits)


class Noisy(Homemade):
    def forward(self, idx, targets=None):
        logits, _ = super().forward(idx)
        return logits * (1 + torch.rand_like(logits) * 1e-5), targets


def test_a_model_that_draws_random_numbers_is_never_replayed() -> None:
    model = mw.wrap(Noisy())
    model.run([1, 2, 3])
    assert model.run([1, 2, 3], [mw.Ablate(mw.MLP(2))]).plan.replayed == 0


def test_failures_leave_what_is_remembered_usable() -> None:
    model, ids = mw.wrap(build("llama")), example()
    model.run(ids)
    edit = [mw.Ablate(mw.Head(2, 1))]
    expected = model.run(ids, edit).logits

    def spoil(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.mul_(7)  # what an edit must not do

    def fail(_tensor: torch.Tensor) -> torch.Tensor:
        raise KeyboardInterrupt

    model.run(ids, [Custom(mw.Site("resid_post", 1), spoil)])
    for broken in (Custom(mw.Site("resid_post", 1), fail), Custom(mw.Site("z", 2), fail)):
        with pytest.raises(KeyboardInterrupt):
            model.run(ids, [broken])
    answers = iter([False] * 3 + [True])
    with pytest.raises(CancelledError):
        model.run(ids, edit, cancelled=lambda: next(answers))
    run = model.run(ids, edit)
    assert run.plan.replayed == 2
    assert torch.equal(run.logits, expected)


def test_a_cancelled_baseline_is_not_remembered() -> None:
    model, ids = mw.wrap(build("gpt2")), example()
    answers = iter([False] * 2 + [True])
    with pytest.raises(CancelledError):
        model.run(ids, cancelled=lambda: next(answers))
    assert len(model.baselines) == 0


def test_what_is_remembered_obeys_its_budget_and_goes_with_the_model() -> None:
    model = mw.wrap(build("gpt2"))
    model.run([1, 2, 3])
    one = model.baselines.n_bytes
    model.baselines.budget = Budget(remembered=3 * one)
    for token in range(4, 40):
        model.run([token, 2, 3])
        assert model.baselines.n_bytes <= 3 * one
    assert len(model.baselines) == 3
    assert model.run([39, 2, 3], [mw.Ablate(mw.MLP(2))]).plan.replayed == 2
    assert model.run([9, 2, 3], [mw.Ablate(mw.MLP(2))]).plan.replayed == 0
    model.baselines.budget = Budget(remembered=0)
    model.run([1, 2])
    assert model.run([1, 2]).plan.replayed == 0
    gone = weakref.ref(model.baselines)
    del model
    gc.collect()
    assert gone() is None


def test_runs_leave_no_tensors_and_no_modules_behind() -> None:
    model, ids = mw.wrap(build("gpt2")), example()

    def alive() -> tuple[int, int]:
        objects = gc.get_objects()
        kinds = (torch.Tensor, torch.nn.Module)
        return tuple(sum(issubclass(type(each), kind) for each in objects) for kind in kinds)

    def work() -> None:
        model.run(ids)
        for layer in range(3):
            model.run(ids, [mw.Ablate(mw.Head(layer, 1))], read=["resid_post"])

    for _ in range(3):
        work()
    gc.collect()
    before = alive()
    gc.disable()
    try:
        for _ in range(20):
            work()
        assert alive() == before, "something waits for the garbage collector"
    finally:
        gc.enable()
