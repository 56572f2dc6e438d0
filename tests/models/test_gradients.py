"""Gradients are those of finite differences and of plain autograd, and leave nothing behind."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import InterventionError, SiteError, UnsupportedModelError
from tests.interventions.parts import HEADED, TRAITS
from tests.models.custom import Custom
from tests.models.homemade import Homemade
from tests.models.state import is_free, state_of, thread_state
from tests.models.zoo.build import build, example, hooked
from tests.models.zoo.species import HEADS, ZOO

METRIC = mw.LogitDiff(5, 7)


def metric_of(model: mw.HookedModel, edits) -> float:
    logits = model.run(example(), edits).logits[0, -1].double()
    return float(logits[5] - logits[7])


def directional(model: mw.HookedModel, site: mw.Site, way: torch.Tensor, step: float) -> float:
    """The derivative along `way`, by central differences of runs."""
    up, down = ([Custom(site, lambda x, s=s: x + s * way)] for s in (step, -step))
    return (metric_of(model, up) - metric_of(model, down)) / (2 * step)


# Models that compute everything in the dtype they are given, in float64 where asked.
@pytest.mark.parametrize("name", ["gpt2", "opt", "opt_post_norm", "openai_gpt", "starcoder2"])
def test_they_are_finite_differences_to_many_digits(name: str) -> None:
    model = mw.wrap(build(name).double())
    own = [s for s in model.sites if s.name not in ("q", "k", "v", "scores", "pattern")]
    found = model.gradients(example(), METRIC, [s for s in own if s.name != "logits"])
    generator = torch.Generator().manual_seed(3)
    for site in found.gradient:
        way = torch.randn(found[site].shape, generator=generator, dtype=torch.float64)
        expected = directional(model, site, way, 1e-5)
        assert float((found[site] * way).sum()) == pytest.approx(expected, rel=2e-6, abs=1e-7), site


# Experts are multiplied in groups, which torch does not do in float64.
@pytest.mark.parametrize(
    "name", [n for n in TRAITS if n not in ("mixtral", "gpt_oss", "deepseek_v3")]
)
def test_they_are_finite_differences_at_every_site(name: str) -> None:
    """Many models take norms and softmax in float32 whatever comes in: fewer digits, every site."""
    model = mw.wrap(build(name).double())
    sites = [s for s in model.sites if s.layer == 1 or s.name == "embed"]
    taps = [s for s in sites if s.name in ("q", "k", "v", "scores", "pattern")]
    for some in ([s for s in sites if s not in taps], taps):
        if not some:
            continue
        found = model.gradients(example(), METRIC, some)
        for site in some:
            way = found[site] / found[site].norm()
            step = 2e-3 * float(found.read[site].clamp(min=-50).norm())
            if site.name == "scores":
                step = 1e-2
            expected = directional(model, site, way, step)
            assert float(found[site].norm()) == pytest.approx(expected, rel=2e-2), site


@pytest.mark.parametrize("name", HEADED)
def test_they_are_plain_autograd_with_plain_hooks(name: str) -> None:
    for edits, ablated in (((), None), ((mw.Ablate(mw.Head(0, 1)),), 1)):
        theirs = build(name)
        held: dict[str, torch.Tensor] = {}

        def hold(key: str, _module, args, held=held) -> None:
            args[0].retain_grad()
            held[key] = args[0]

        def without(_module, args, ablated=ablated):
            x = args[0].clone()
            width = x.shape[-1] // HEADS
            x[..., ablated * width : (ablated + 1) * width] = 0
            return (x,)

        if ablated is not None:
            theirs.get_submodule(
                ZOO[name].w_o.format(ZOO[name].layers[0])
            ).register_forward_pre_hook(without)
            edits = (mw.Ablate(mw.Head(ZOO[name].layers[0], ablated)),)
        last = ZOO[name].layers[-1]
        place = theirs.get_submodule(ZOO[name].w_o.format(last))
        place.register_forward_pre_hook(lambda m, a: hold("z", m, a))
        logits = theirs(input_ids=example(), use_cache=False).logits[0, -1]
        (logits[5] - logits[7]).backward()
        found = hooked(name).gradients(example(), METRIC, [("z", last)], edits)
        expected = held["z"].grad.reshape(found["z", last].shape)
        torch.testing.assert_close(found["z", last], expected, rtol=1e-4, atol=1e-6)
        assert all(each.intervention == 0 for each in found.fired)
        assert len(found.fired) == len(edits)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gpt_oss"])
def test_those_of_patterns_are_those_of_output_attentions(name: str) -> None:
    theirs = build(name, attn_implementation="eager")
    result = theirs(input_ids=example(), use_cache=False, output_attentions=True)
    for pattern in result.attentions:
        pattern.retain_grad()
    result.logits[0, -1].softmax(-1)[5].backward()
    found = hooked(name).gradients(example(), mw.Probability(5), "pattern")
    assert found.attention == "explicit"
    for layer, pattern in enumerate(result.attentions):
        if pattern.grad is not None and pattern.shape == found["pattern", layer].shape:
            torch.testing.assert_close(found["pattern", layer], pattern.grad, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", TRAITS)
def test_a_replayed_tail_gives_the_same(name: str) -> None:
    model = mw.wrap(build(name))
    model.run(example(), positions=[-1])
    last = model.n_layers - 1
    sites = [s for s in model.sites if s.layer == last and s.name in ("resid_pre", "mlp_out")]
    short = model.gradients(example(), METRIC, sites)
    full = model.gradients(example(), METRIC, sites, replay=False)
    # With gradients torch may multiply in another order, and round otherwise (mamba, on AVX2).
    assert short.plan.replayed == last or short.plan.why.endswith("baseline's own logits")
    assert full.plan.replayed == 0
    for site in sites:
        assert torch.equal(short[site], full[site])
        assert torch.equal(short.read[site], full.read[site])
    assert short.value == full.value


def test_the_metric_is_that_of_a_run_and_any_function_will_do() -> None:
    model = hooked("llama")
    bound = METRIC.bind(model, 11)
    logits = model.run(example(), positions=[-1]).logits
    found = model.gradients(example(), METRIC, "resid_pre")
    assert found.value == pytest.approx(bound(logits[0, 0]), rel=1e-5)
    plain = model.gradients(example(), lambda x: x[0, -1, 5] - x[0, -1, 7], ["resid_pre"])
    for layer in range(model.n_layers):
        assert (
            found["resid_pre", layer].shape == found.read["resid_pre", layer].shape == (1, 11, 32)
        )
        torch.testing.assert_close(found["resid_pre", layer], plain["resid_pre", layer])


def test_a_sum_over_positions_is_the_sum_of_its_gradients() -> None:
    model = hooked("gpt2")
    parts = [model.gradients(example(), mw.LogitDiff(5, 7, p), ["z.1"])["z.1"] for p in (3, 8)]
    both = model.gradients(example(), lambda x: (x[0, [3, 8], 5] - x[0, [3, 8], 7]).sum(), ["z.1"])
    torch.testing.assert_close(both["z.1"], parts[0] + parts[1])
    assert float(parts[0][:, 4:].abs().max()) == 0  # no later position can matter


def test_act_times_grad_is_the_effect_of_ablation_where_all_is_linear() -> None:
    """Behind the last write only the final norm is left: frozen by a small step, it is exact."""
    model = mw.wrap(build("gpt2").double())
    part = mw.Head(2, 1, positions=[-1])
    found = model.gradients(example(), METRIC, ["z.2"])
    predicted = float((found.read["z.2"] * found["z.2"])[0, -1, 1].sum())
    small = 1e-6
    lost = found.value - metric_of(model, [mw.Scale(part, 1 - small)])
    assert lost / small == pytest.approx(predicted, rel=1e-4)


def test_nothing_of_the_users_is_touched() -> None:
    module = build("llama")
    module.lm_head.weight.requires_grad_(False)
    module.model.norm.weight.grad = torch.ones_like(module.model.norm.weight)
    model, before = mw.wrap(module), state_of(module)
    for switch in (torch.no_grad(), torch.inference_mode(), torch.enable_grad()):
        with switch:
            thread = thread_state()
            model.gradients(example(), METRIC, model.sites, [mw.Ablate(mw.Head(1, 2))])
            assert thread_state() == thread
    assert torch.equal(module.model.norm.weight.grad, torch.ones(32))
    assert state_of(module) == before
    assert is_free(model.lock)


def test_what_ran_in_inference_mode_can_be_gone_back_through() -> None:
    model = mw.wrap(build("gpt2"))
    expected = hooked("gpt2").gradients(example(), METRIC, ["resid_pre.2"], replay=False)
    with torch.inference_mode():
        model.run(example(), positions=[-1])
        found = model.gradients(example(), METRIC, ["resid_pre.2"])
    assert found.plan.replayed == 2
    assert torch.equal(found["resid_pre.2"], expected["resid_pre.2"])
    with torch.inference_mode():
        born = mw.wrap(build("gpt2"))
        found = born.gradients(example(), METRIC, ["resid_pre.2"])
    assert torch.equal(found["resid_pre.2"], expected["resid_pre.2"])


def test_half_precision_has_them_too() -> None:
    expected = hooked("llama").gradients(example(), METRIC, ["resid_post", "pattern"])
    found = mw.wrap(build("llama").bfloat16()).gradients(
        example(), METRIC, ["resid_post", "pattern"]
    )
    for site in expected.gradient:
        assert found[site].dtype == torch.bfloat16
        alike = torch.cosine_similarity(found[site].float().flatten(), expected[site].flatten(), 0)
        assert alike > 0.95, site


def test_the_graph_is_free_when_it_is_over() -> None:
    model, seen = hooked("gpt2"), []

    def look(tensor: torch.Tensor) -> torch.Tensor:
        seen.append(weakref.ref(tensor))
        return tensor + 0

    gc.collect()
    gc.disable()
    try:
        found = model.gradients(
            example(), METRIC, model.sites, [Custom(mw.Site("z", 2), look)], replay=False
        )
        assert len(seen) == 1
        assert seen[0]() is None
    finally:
        gc.enable()
    assert all(found[site].grad_fn is None for site in found.gradient)
    assert all(not found.read[site].requires_grad for site in found.read)
    assert found.logits.grad_fn is None


class Unreachable(Homemade):
    """Its middle block runs under no_grad, as some frozen parts do."""

    def forward(self, idx, targets=None):
        x = self.tokens(idx) + self.places(torch.arange(idx.shape[1]))
        x = self.blocks[0](x)
        with torch.no_grad():
            x = self.blocks[1](x)
        return self.head(self.norm(self.blocks[2](x))), targets


class Overwriting(Homemade):
    """Writes into what its own backward pass would need."""

    def forward(self, idx, targets=None):
        x = self.tokens(idx) + self.places(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x)
        x = torch.exp(self.norm(x) * 0.1)
        x.mul_(2)
        return self.head(x), targets


def test_where_no_gradient_arrives_is_said() -> None:
    ids, last = torch.arange(5), lambda logits: logits[0, -1, 3]
    model = mw.wrap(Unreachable())
    assert model.gradients(ids, last, ["resid_pre.2"])["resid_pre.2"].abs().max() > 0
    for site in ("resid_pre.0", "mlp_out.1"):
        with pytest.raises(SiteError, match=f"No gradient reaches {site}"):
            model.gradients(ids, last, [site, "resid_post.2"])
    with pytest.raises(UnsupportedModelError, match="backward pass failed"):
        mw.wrap(Overwriting()).gradients(ids, last, ["resid_pre.0"])
    assert is_free(model.lock)


@pytest.mark.parametrize(
    ("metric", "found"),
    [
        (lambda logits: logits[0, -1, 3].item(), "float"),
        (lambda logits: logits[0, -1], r"\(99,\)"),
        (lambda logits: logits.argmax(), r"\(\)"),
    ],
)
def test_a_metric_that_is_no_number_is_refused(metric, found: str) -> None:
    with pytest.raises(InterventionError, match=f"The metric gave {found}"):
        hooked("gpt2").gradients(example(), metric, ["resid_pre.0"])


def test_a_metric_that_forgets_the_logits_reaches_nothing() -> None:
    with pytest.raises(SiteError, match=r"No gradient reaches resid_pre\.0"):
        hooked("gpt2").gradients(example(), lambda x: x.detach().sum(), ["resid_pre.0"])
    with pytest.raises(SiteError, match="No site was named"):
        hooked("gpt2").gradients(example(), METRIC, [])


def test_what_is_in_force_is_in_the_gradient() -> None:
    """Patched from elsewhere, the stream no longer depends on what came before."""
    model = hooked("gpt2")
    other = example().flip(1)
    edits = [mw.Patch(mw.Residual(1), other)]
    before = model.gradients(example(), METRIC, ["resid_pre.0"], edits)
    assert float(before["resid_pre.0"].abs().max()) == 0
    here = model.gradients(example(), METRIC, ["resid_pre.1"], edits)
    there = model.gradients(other, METRIC, ["resid_pre.1"])
    assert torch.equal(here["resid_pre.1"], there["resid_pre.1"])
    skipped = model.gradients(example(), METRIC, ["resid_pre.1", "resid_pre.2"], [mw.SkipLayer(1)])
    assert torch.equal(skipped["resid_pre.1"], skipped["resid_pre.2"])


def test_in_place_sums_do_not_matter() -> None:
    """Falcon adds attention to its MLP in place: what is handed on may be written to."""
    model = hooked("falcon")
    found = model.gradients(example(), METRIC, ["mlp_out", "attn_out", "resid_post"])
    assert all(found[site].abs().max() > 0 for site in found.gradient if site.layer == 2)
