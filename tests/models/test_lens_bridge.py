"""A TransformerLens bridge is wrapped as it is: its numbers, its tokenizer, its user's hooks."""

from __future__ import annotations

import copy
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

import mechwidget as mw
from mechwidget.errors import UnsupportedModelError
from tests.models.state import state_of
from tests.models.zoo.build import configuration, example, own_logits, zero_head_weights
from tests.random_weights import built
from tests.zoo.build import build as any_type

bridges = pytest.importorskip("transformer_lens.model_bridge")

KINDS = ["gpt2", "llama"]
MINE = {"gpt2": ("q", "k", "v"), "llama": ("v",)}  # Llama's q and k are turned before they meet
LAYERED = {
    "z": "attn.hook_z",
    "attn_out": "hook_attn_out",
    "mlp_out": "hook_mlp_out",
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_resid_post",
    "scores": "attn.hook_attn_scores",
    "pattern": "attn.hook_pattern",
}


@cache
def words() -> Any:
    return mw.load("microcosm").tokenizer


def plain_model(kind: str) -> Any:
    """A new tiny model, always the same, with as many tokens as `words` knows."""
    chosen = configuration(kind)
    chosen.vocab_size = len(words())
    return built(lambda: AutoModelForCausalLM.from_config(chosen))


def boot(kind: str, *, compatible: bool = False) -> Any:
    """A bridge around such a model, made without a network."""
    bridge = bridges.TransformerBridge.boot_transformers(
        f"tiny/{kind}", hf_model=plain_model(kind), tokenizer=copy.deepcopy(words())
    )
    if compatible:
        bridge.enable_compatibility_mode(disable_warnings=True)
    return bridge


@torch.no_grad()
def answers(bridge: Any, prompt: Any, **options: Any) -> torch.Tensor:
    return bridge(prompt, **options)


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_bridge_gives_its_own_logits_and_stays_as_it_was(kind: str, compatible: bool) -> None:
    bridge, ids = boot(kind, compatible=compatible), example()
    before = state_of(bridge), state_of(bridge.original_model)
    wrapped = mw.wrap(bridge)
    run = wrapped.run(ids)
    assert (state_of(bridge), state_of(bridge.original_model)) == before
    assert torch.equal(run.logits, answers(bridge, ids))
    assert (wrapped.n_layers, wrapped.n_heads(0)) == (3, 4)


@pytest.mark.parametrize("bos", [True, False])
def test_text_is_tokenised_as_the_bridge_does_it(bos: bool) -> None:
    bridge, text = boot("gpt2"), "The capital of France is"
    bridge.cfg.default_prepend_bos = bos
    wrapped = mw.wrap(bridge)
    tokens = wrapped.tokenize(text)
    assert list(tokens.ids) == bridge.to_tokens(text)[0].tolist()
    assert tokens.special[0] is bos
    assert torch.equal(wrapped.run(text).logits, answers(bridge, text))
    assert wrapped.token_id(" Paris") == bridge.to_single_token(" Paris")


def test_a_tokenizer_of_the_users_own_is_called_as_it_is() -> None:
    wrapped = mw.wrap(boot("gpt2"), words())
    assert list(wrapped.tokenize("The").ids) == words()("The")["input_ids"]


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_sites_hold_what_the_bridges_hook_points_hold(kind: str, compatible: bool) -> None:
    bridge, ids = boot(kind, compatible=compatible), example()
    wrapped = mw.wrap(bridge)
    with torch.no_grad():
        _, cache = bridge.run_with_cache(ids)
    read = wrapped.run(ids, read=wrapped.sites).read
    for site, hook in LAYERED.items():
        for layer in range(3):
            theirs = cache[f"blocks.{layer}.{hook}"]
            ours = read[site, layer].reshape(theirs.shape)
            seen = torch.isfinite(theirs)  # a masked score is the lowest number there is, or -inf
            assert torch.allclose(ours[seen], theirs[seen], atol=1e-5), (site, layer)


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_queries_keys_values_and_neurons_are_those_of_the_bridges_hook_points(
    kind: str, compatible: bool
) -> None:
    bridge, ids = boot(kind, compatible=compatible), example()
    wrapped, plain = mw.wrap(bridge), mw.wrap(plain_model(kind))
    assert wrapped.sites == plain.sites
    assert wrapped.n_key_value_heads(1) == plain.n_key_value_heads(1)
    assert wrapped.n_neurons(1) == plain.n_neurons(1)
    with torch.no_grad():
        _, cache = bridge.run_with_cache(ids)
    read = wrapped.run(ids, read=wrapped.sites).read
    for name in MINE[kind]:
        assert torch.allclose(read[name, 1], cache[f"blocks.1.attn.hook_{name}"], atol=1e-5)
    assert torch.allclose(read["mlp_post", 1], cache["blocks.1.mlp.hook_post"], atol=1e-5)
    if not compatible:  # where weights were folded, the same model has other queries
        theirs = plain.run(ids, read=["q", "k", "v"]).read
        for name in ("q", "k", "v"):
            assert torch.allclose(read[name, 1], theirs[name, 1], atol=1e-5)
    edits = [mw.SetValue(mw.Neuron(2, 5), 3.0)]

    def held(post: torch.Tensor, hook: Any) -> torch.Tensor:
        post[:, :, 5] = 3.0
        return post

    with torch.no_grad():
        expected = bridge.run_with_hooks(ids, fwd_hooks=[("blocks.2.mlp.hook_post", held)])
    assert torch.allclose(wrapped.run(ids, edits).logits, expected, atol=1e-5)


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_ablating_a_head_is_what_the_bridges_hook_does(kind: str, compatible: bool) -> None:
    bridge, ids = boot(kind, compatible=compatible), example()
    wrapped = mw.wrap(bridge)

    def silence(z: torch.Tensor, hook: Any) -> torch.Tensor:
        z[:, :, 2] = 0
        return z

    with torch.no_grad():
        theirs = bridge.run_with_hooks(ids, fwd_hooks=[("blocks.1.attn.hook_z", silence)])
    wrapped.run(ids)  # the bridge's own wiring is in place now, and no reason to compute
    ours = wrapped.run(ids, [mw.Ablate(mw.Head(1, 2))])
    assert torch.equal(ours.logits, theirs)
    assert ours.plan.replayed == 1
    rows = wrapped.run_rows(ids, [[mw.Ablate(mw.Head(1, head))] for head in range(4)])
    assert torch.allclose(rows[2].logits, theirs, atol=2e-5)


def test_ablating_a_head_of_a_bridge_is_surgery_on_the_model_that_it_was_made_from() -> None:
    ids = example()
    bridge, copied = boot("llama"), plain_model("llama")
    zero_head_weights(copied.model.layers[1].self_attn.o_proj, 2, 4)
    ours = mw.wrap(bridge).run(ids, [mw.Ablate(mw.Head(1, 2))])
    assert torch.allclose(ours.logits, own_logits(copied, ids), atol=1e-5)


def test_hooks_that_the_user_put_on_the_bridge_are_called_and_stay() -> None:
    bridge, ids, seen = boot("gpt2"), example(), []
    plain = answers(bridge, ids)

    def note(z: torch.Tensor, hook: Any) -> torch.Tensor:
        seen.append((hook.name, z.shape))
        hook.ctx["calls"] = hook.ctx.get("calls", 0) + 1
        return z * 2

    bridge.blocks[0].attn.hook_z.add_hook(note)
    bridge.blocks[2].hook_resid_post.add_hook(note)
    edited = answers(bridge, ids)
    seen.clear()
    wrapped = mw.wrap(bridge)
    seen.clear()
    run = wrapped.run(ids, read=["resid_post"])
    assert torch.equal(run.logits, edited)
    assert not torch.equal(run.logits, plain)
    assert [name for name, _ in seen] == ["blocks.0.attn.o.hook_in", "blocks.2.hook_out"]
    assert "hooks of your own" in run.plan.why
    assert bridge.blocks[0].attn.hook_z.ctx["calls"] >= 3
    assert wrapped.run(ids, [mw.Ablate(mw.Head(0, 1))]).fired[0].change > 0
    bridge.reset_hooks()
    assert torch.equal(wrapped.run(ids).logits, plain)


@pytest.mark.parametrize("flag", ["set_use_split_qkv_input", "set_use_attn_in"])
def test_a_bridge_that_forks_its_attention_input_leaves_its_modules_alone(flag: str) -> None:
    """It hands the stream past a norm through a weak reference to its own module."""
    bridge, ids = boot("gpt2"), example()
    getattr(bridge, flag)(True)
    reference = answers(bridge, ids)
    wrapped, before = mw.wrap(bridge), state_of(bridge.original_model)
    assert torch.equal(wrapped.run(ids).logits, reference)
    run = wrapped.run(ids, [mw.Ablate(mw.Head(1, 2))], read=wrapped.sites)
    assert run.fired[0].change > 0
    assert state_of(bridge.original_model) == before
    getattr(bridge, flag)(False)
    assert torch.allclose(wrapped.run(ids).logits, reference, atol=1e-5)


def test_weights_that_the_bridge_folds_later_are_seen() -> None:
    bridge, ids = boot("llama"), example()
    wrapped = mw.wrap(bridge)
    first = wrapped.run(ids).logits
    bridge.enable_compatibility_mode(disable_warnings=True)
    again = mw.wrap(bridge).run(ids).logits
    assert torch.equal(again, answers(bridge, ids))
    assert torch.allclose(again.log_softmax(-1), first.log_softmax(-1), atol=1e-4)


def test_a_small_model_of_transformer_lenss_own_is_read() -> None:
    bridge = bridges.TransformerBridge.boot_native(
        {
            "n_layers": 2,
            "d_model": 32,
            "n_ctx": 24,
            "d_head": 8,
            "n_heads": 4,
            "d_vocab": 60,
            "act_fn": "gelu",
            "attn_only": True,
            "seed": 1,
        }
    )
    wrapped, ids = mw.wrap(bridge), example() % 60
    assert (wrapped.n_layers, wrapped.n_heads(1), wrapped.has_mlp(0)) == (2, 4, False)
    assert torch.equal(wrapped.run(ids).logits, answers(bridge, ids))


@pytest.mark.parametrize("kind", ["gpt_neox", "gemma2", "bloom", "opt", "mixtral", "bert"])
def test_bridges_of_other_architectures_have_the_sites_of_their_models(kind: str) -> None:
    family = "encoder" if kind == "bert" else "causal"
    bridge = bridges.TransformerBridge.boot_transformers(
        f"tiny/{kind}", hf_model=any_type(kind, family), tokenizer=copy.deepcopy(words())
    )
    ids = example()
    wrapped, plain = mw.wrap(bridge), mw.wrap(any_type(kind, family))
    assert torch.equal(wrapped.run(ids).logits, answers(bridge, ids))
    assert wrapped.stacks == plain.stacks
    assert [wrapped.n_heads(i) for i in range(2)] == [plain.n_heads(i) for i in range(2)]
    assert set(wrapped.sites) >= set(plain.sites)
    edits = [mw.Ablate(mw.Head(1, 1)), mw.Ablate(mw.MLP(0, positions=[-1]))]
    ours, theirs = wrapped.run(ids, edits), plain.run(ids, edits)
    assert torch.allclose(ours.logits, theirs.logits, atol=5e-5)


def test_a_bridge_to_a_model_elsewhere_is_refused() -> None:
    bridge = boot("gpt2")
    bridge._driver = type("Remote", (), {})()
    with pytest.raises(UnsupportedModelError, match="runs its model somewhere else"):
        mw.wrap(bridge)


ALONE = """
import sys
import mechwidget as mw
from tests.models.homemade import Homemade
before = set(sys.modules)
mw.wrap(Homemade()).run([1, 2, 3])
print([name for name in ("transformer_lens", "peft") if name in set(sys.modules) - before])
"""


def test_transformer_lens_is_not_imported_for_models_that_do_not_come_from_it() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
