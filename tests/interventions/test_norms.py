"""A frozen norm divides by what it divided by in the baseline, and is linear in what passes it."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import SiteError
from mechwidget.models.norms import Norm, probed
from tests.interventions.parts import TRAITS
from tests.models.zoo.build import edited_copy, example, hooked, shared
from tests.models.zoo.species import ZOO

LAW = {"atol": 3e-5, "rtol": 1e-5}
NORMED = [name for name in TRAITS if name != "opt_post_norm"]


def final_norm(name: str) -> torch.nn.Module:
    return shared(name).get_submodule(hooked(name).ledger.final_norm.module)


def divided(name: str, x: torch.Tensor) -> torch.Tensor:
    """What the model's final norm divides `x` by, from its own class and epsilon."""
    norm = final_norm(name)
    if isinstance(norm, torch.nn.LayerNorm):
        return (x.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
    eps = getattr(norm, "variance_epsilon", None) or getattr(norm, "eps", None) or 0.0
    return (x.square().mean(-1, keepdim=True) + eps).sqrt()


@pytest.mark.parametrize("name", NORMED)
def test_the_divisor_that_is_read_is_the_norms_own(name: str) -> None:
    model, ids = hooked(name), example()
    last = model.n_layers - 1
    run = model.run(ids, read=["final_norm_scale", ("resid_post", last)])
    expected = divided(name, run.read["resid_post", last])
    assert run.read["final_norm_scale"].shape == (1, 11, 1)
    assert torch.allclose(run.read["final_norm_scale"], expected, rtol=1e-4)
    assert run.attention == "own"


@pytest.mark.parametrize("name", ZOO)
def test_freezing_norms_that_nothing_changes_changes_no_bit(name: str) -> None:
    model, ids = hooked(name), example()
    have = {site.name for site in model.sites}
    plain = model.run(ids)
    kinds = [mw.Freeze("norm")] + [mw.Freeze("final_norm")] * ("final_norm_scale" in have)
    for freeze in kinds:
        run = model.run(ids, [freeze])
        assert torch.equal(run.logits, plain.logits)
        assert {each.reason for each in run.fired} == {"nothing had changed it"}


@pytest.mark.parametrize("name", NORMED)
def test_through_a_frozen_final_norm_an_edit_of_the_last_stream_adds_up(name: str) -> None:
    """Two edits together move the unembedding's input by the sum of what each of them moves it."""
    model, ids = hooked(name), example()
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randn(model.d_model, generator=generator) for _ in range(2)]
    last = mw.Residual(model.n_layers - 1, end="post")

    def before_any_cap(*edits: object) -> torch.Tensor:
        seen: list[torch.Tensor] = []
        copy = _with_hook(name, lambda _m, _a, out: seen.append(out.detach().clone()))
        mw.wrap(copy).run(ids, edits, replay=False)
        return seen[-1]

    steer = [mw.Steer(last, row, 0.5) for row in rows]
    base = before_any_cap()
    one, two, both = (before_any_cap(*some, mw.Freeze("final_norm")) for some in
                      (steer[:1], steer[1:], steer))  # fmt: skip
    assert torch.allclose(both - base, (one - base) + (two - base), atol=1e-4)
    free = before_any_cap(*steer)
    assert not torch.allclose(free, both, atol=1e-3)


def _with_hook(name: str, hook: object) -> torch.nn.Module:
    model = edited_copy(shared(name))
    model.get_submodule(hooked(name).ledger.unembed.module).register_forward_hook(hook)
    return model


@pytest.mark.parametrize("name", NORMED)
def test_what_is_frozen_is_the_divisor_and_no_more(name: str) -> None:
    model, ids = hooked(name), example()
    if "norm1_scale" not in {site.name for site in model.sites}:
        pytest.skip("its blocks have no norm over the stream")
    edit = mw.Scale(mw.Residual(1), 1.7)
    scales = ["norm1_scale", "norm2_scale", "norm3_scale", "norm4_scale", "final_norm_scale"]
    have = [one for one in scales if one in {site.name for site in model.sites}]
    plain = model.run(ids, read=have).read
    free = model.run(ids, [edit], read=have).read
    frozen = model.run(ids, [edit, mw.Freeze("norm")], read=have).read
    assert any(not torch.equal(free[site], plain[site]) for site in plain)
    for site in plain:
        assert torch.equal(frozen[site], plain[site])
    some = model.run(ids, [edit, mw.Freeze("norm", [1])], read=have)
    assert {each.site.layer for each in some.fired if each.intervention == 1} == {1}


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_a_scaled_stream_through_a_frozen_norm_is_a_scaled_norm(name: str) -> None:
    model, ids = hooked(name), example()
    norm = final_norm(name)
    last = mw.Residual(model.n_layers - 1, end="post")
    edits = [mw.Scale(last, 3.0), mw.Freeze("final_norm")]
    run = model.run(ids, edits, read=[last.site, "final_norm_scale"])
    stream = model.run(ids, read=[last.site]).read[last.site]
    bias = getattr(norm, "bias", None)
    with torch.no_grad():
        zero = 0 if bias is None else bias
        expected = 3 * (norm(stream) - zero) + zero
        logits = shared(name).lm_head(expected)
    cap = getattr(shared(name).config, "final_logit_softcapping", None)
    logits = logits if cap is None else torch.tanh(logits / cap) * cap
    assert torch.allclose(run.logits, logits, atol=2e-4)
    free = model.run(ids, edits[:1]).logits
    assert torch.allclose(free, model.run(ids).logits, atol=1e-3)  # a free norm undoes a scaling


@pytest.mark.parametrize("centres", [False, True])
def test_a_norm_explains_itself_and_nothing_else(centres: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 5, 8, generator=generator)
    norm = Norm(torch.rand(8, generator=generator) + 0.5, torch.ones(8), centres)
    c = x - x.mean(-1, keepdim=True) if centres else x
    y = norm.bias + norm.gain * c / 3
    assert torch.allclose(norm.divisor(x, y), torch.full((1, 5, 1), 3.0))
    assert norm.explains(x, y)
    assert not norm.explains(x, y + x.square())


class Gated(torch.nn.Module):
    def forward(self, x: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.layer_norm(x, x.shape[-1:]) * gate


class Grouped(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.rms_norm(x.unflatten(-1, (4, -1)), (2,)).flatten(-2)


def test_only_norms_that_divide_by_one_number_are_taken_for_such() -> None:
    row = torch.zeros(1, 1, 8)
    assert probed(torch.nn.LayerNorm(8), row) is not None
    assert probed(torch.nn.RMSNorm(8).bfloat16(), row.bfloat16()) is not None
    for other in (Gated(), Grouped(), torch.nn.Tanh(), torch.nn.Identity(), torch.nn.Linear(8, 8)):
        assert probed(other, row) is None


@pytest.mark.parametrize("factor", [1e15, 1e30, float("3e38")])
def test_numbers_that_overflow_are_told_by_the_logits_not_by_an_error(factor: float) -> None:
    """Found by ten thousand lists: a stream so large that it is not finite after a while."""
    for name in ("bamba", "gpt2", "llama"):
        edits = [mw.Scale(mw.MLP(0), factor), mw.Freeze("norm")]
        run = hooked(name).run(example(), edits)
        assert {each.intervention for each in run.fired} == {0, 1}


def test_a_model_without_such_norms_says_so() -> None:
    ids = example()
    with pytest.raises(SiteError, match=r"no site 'norm1_scale\.9'"):
        hooked("gpt2").run(ids, [mw.Freeze("norm", [9])])
    with pytest.raises(SiteError, match="no 'final_norm_scale' at all"):
        hooked("openai_gpt").run(ids, [mw.Freeze("final_norm")])


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_the_divisor_has_a_gradient_of_its_own_where_nothing_before_it_is_asked(name: str) -> None:
    model, ids = hooked(name), example()
    metric = lambda logits: logits[0, -1, 5] - logits[0, -1, 7]  # noqa: E731
    found = model.gradients(ids, metric, ["final_norm_scale"])
    scale = model.run(ids, read=["final_norm_scale"]).read["final_norm_scale"][0, -1]
    assert abs(float(found["final_norm_scale"][0, -1])) > 1e-3
    assert found["final_norm_scale"][0, :-1].abs().max() == 0
    assert scale > 0
