"""What TransformerLens' `TransformerBridge` computes on the same weights, we compute too.

Conventions, and what differs:

- The bridge keeps the raw Hugging Face weights, and so do we: every number below is the same one,
  within 1e-5 of the largest. The bridge switches the model to eager attention; ours runs with the
  model's own where no pattern is looked at, which is rounding.
- Sites and hooks: `TABLE` in this file. Shapes are equal: `[batch, pos, head, d]` for q, k, v and
  z, `[batch, head, query, key]` for scores and pattern; k and v have the key/value heads only.
- With rotary positions our q and k are what attention multiplies, after the rotation: the bridge
  calls those `hook_rot_q` and `hook_rot_k`, and its `hook_q` and `hook_k` come before. The names
  `hook_q` and `hook_k` mean the same as ours where there is no rotation.
- `hook_attn_scores` are the masked scores; the masked entries are the lowest float, not -inf.
- "Zero" is a 0 in z, in mlp_post, or in the whole write of a sublayer, in both. The value bias of a
  head goes with it, the output projection's bias stays.
- `enable_compatibility_mode()` rewrites the weights as the older HookedTransformer did: norms
  folded into what reads them, writes and unembedding centred, value biases moved into b_O. Then
  logits differ from ours by one constant per position (log-probabilities agree), the stream by its
  mean, and a zeroed head leaves its value bias in (with what the norm's bias adds to it): that is
  our `SetValue(head, b_V)`, not our `Ablate(head)`. Mean ablation and patching do not depend on
  the convention.
- `hook_resid_mid` reads as our `resid_mid`. The bridge (4.3) hangs it on the input of the second
  norm, so that writing there changes what the MLP reads and not the stream that goes on; ours
  changes the stream, which is what writing the difference to their `hook_attn_out` does.
- A knocked-out edge, renormalised, is a score of -inf; not renormalised, a 0 in the pattern.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

import mechwidget as mw
from tests.parity.pairs import (
    HEAD,
    LAYER,
    MODELS,
    NEURON,
    Pair,
    bridge_of,
    module,
    pair,
    require_same,
)

pytest.importorskip("transformer_lens", reason="TransformerLens is not installed")

TABLE = {
    "resid_pre": "hook_resid_pre",
    "q": "attn.hook_q",
    "k": "attn.hook_k",
    "v": "attn.hook_v",
    "scores": "attn.hook_attn_scores",
    "pattern": "attn.hook_pattern",
    "z": "attn.hook_z",
    "attn_out": "hook_attn_out",
    "resid_mid": "hook_resid_mid",
    "mlp_in": "mlp.hook_in",
    "mlp_post": "mlp.hook_post",
    "mlp_out": "hook_mlp_out",
    "resid_post": "hook_resid_post",
}
ROTATED = {"q": "attn.hook_rot_q", "k": "attn.hook_rot_k"}


def hook(site: str, layer: int = LAYER) -> str:
    return f"blocks.{layer}.{TABLE[site]}"


def put(site: str, value: Any, *where: Any, layer: int = LAYER) -> tuple[str, Any]:
    """A TransformerLens hook that writes `value` at an index of a site's tensor."""

    def write(tensor: torch.Tensor, hook: Any) -> torch.Tensor:
        tensor = tensor.clone()
        tensor[where or (slice(None),)] = value
        return tensor

    return hook(site, layer), write


ALL = slice(None)
COMPONENTS: dict[str, tuple[Any, str, tuple[Any, ...]]] = {
    "head": (mw.Head(LAYER, HEAD), "z", (ALL, ALL, HEAD)),
    "attention": (mw.Attention(LAYER), "attn_out", ()),
    "mlp": (mw.MLP(LAYER), "mlp_out", ()),
    "neuron": (mw.Neuron(LAYER, NEURON), "mlp_post", (ALL, ALL, NEURON)),
    "head at positions": (mw.Head(LAYER, HEAD, [2, -1]), "z", (ALL, [2, -1], HEAD)),
    "attention at positions": (mw.Attention(LAYER, [0, 5]), "attn_out", (ALL, [0, 5])),
    "mlp at a position": (mw.MLP(LAYER, [4]), "mlp_out", (ALL, [4])),
    "stream": (mw.Residual(LAYER), "resid_pre", ()),
    "stream at a position": (mw.Residual(LAYER, [3]), "resid_pre", (ALL, [3])),
    "stream after": (mw.Residual(LAYER, [3], "post"), "resid_post", (ALL, [3])),
}
each_model = pytest.mark.parametrize("name", MODELS)
each_component = pytest.mark.parametrize("what", COMPONENTS)


@pytest.fixture
def two(name: str) -> Pair:
    return pair(name)


@each_model
def test_every_site_that_has_their_name_reads_the_same(two: Pair, name: str) -> None:
    cache = two.cache_of(two.ids)
    run = two.ours.run(two.ids, read=[s for s in two.ours.sites if s.name != "logits"])
    rotary = f"blocks.0.{ROTATED['q']}" in cache
    assert rotary == (name == "llama")
    read = set()
    names = {**TABLE, **ROTATED} if rotary else TABLE
    for site in run.read:
        if site.name.endswith("_scale"):
            name = site.name.removeprefix("norm").removesuffix("_scale")
            at = "ln_final" if site.layer is None else f"blocks.{site.layer}.ln{name}"
            require_same(run.read[site], cache[f"{at}.hook_scale"], site)
            continue
        theirs = f"blocks.{site.layer}.{names[site.name]}" if site.name in names else "hook_embed"
        require_same(run.read[theirs], cache[theirs], site)  # by their name, in both
        read.add(site.name)
    assert read == {*TABLE, "embed"}
    require_same(run.logits, two.theirs(), "logits")


@each_model
@each_component
def test_zero_ablation(two: Pair, what: str) -> None:
    component, site, where = COMPONENTS[what]
    ours = two.ours.run(two.ids, [mw.Ablate(component)])
    require_same(ours.logits, two.theirs(put(site, 0.0, *where)), what)
    assert ours.fired[0].change > 0


@each_model
@each_component
@pytest.mark.parametrize("by_position", [False, True])
def test_mean_ablation_over_reference_prompts(two: Pair, what: str, by_position: bool) -> None:
    component, site, where = COMPONENTS[what]
    given = [tuple(ids[0].tolist()) for ids in two.reference]
    ablate = mw.Ablate(component, "mean", over=given, by_position=by_position)
    held = [two.cache_of(ids)[hook(site)][0] for ids in two.reference]
    if by_position:
        rows = [torch.stack([h[p] for h in held if p < len(h)]).mean(0) for p in range(two.n)]
        mean = torch.stack(rows)[None]
    else:
        mean = torch.cat(held).mean(0)[None, None].expand(1, two.n, *held[0].shape[1:])
    ours = two.ours.run(two.ids, [ablate]).logits
    where = where or (ALL,)
    require_same(ours, two.theirs(put(site, mean[where], *where)), what)


@each_model
@each_component
def test_patching_from_another_prompt(two: Pair, what: str) -> None:
    component, site, where = COMPONENTS[what]
    where = where or (ALL,)
    patch = mw.Patch(component, tuple(two.other[0].tolist()))
    held = two.cache_of(two.other)[hook(site)]
    require_same(two.ours.run(two.ids, [patch]).logits, two.theirs(put(site, held[where], *where)))


@each_model
def test_the_stream_between_attention_and_mlp(two: Pair) -> None:
    """Patched at one position, against the same change of what attention writes there."""
    clean, other = two.cache_of(two.ids), two.cache_of(two.other)
    written = other[hook("resid_mid")] - clean[hook("resid_pre")]
    patch = mw.Patch(mw.Residual(LAYER, [3], "mid"), tuple(two.other[0].tolist()))
    theirs = two.theirs(put("attn_out", written[:, [3]], ALL, [3]))
    require_same(two.ours.run(two.ids, [patch]).logits, theirs)


@each_model
@pytest.mark.parametrize("positions", [None, [3, 6]])
def test_patching_a_pattern_at_positions(two: Pair, positions: list[int] | None) -> None:
    held = two.cache_of(two.other)[hook("pattern")]
    where = (ALL, HEAD, ALL if positions is None else positions)
    replace = mw.ReplacePattern(mw.Head(LAYER, HEAD, positions), held[0, HEAD])
    ours = two.ours.run(two.ids, [replace]).logits
    require_same(ours, two.theirs(put("pattern", held[where], *where)))


@each_model
@pytest.mark.parametrize("renormalise", [True, False])
def test_knocking_out_an_edge(two: Pair, renormalise: bool) -> None:
    query, key = 7, 4
    where = (ALL, HEAD, query, key)
    edit = put("scores", -torch.inf, *where) if renormalise else put("pattern", 0.0, *where)
    cut = mw.KnockOut(mw.Edge(LAYER, HEAD, query, key), renormalise)
    ours = two.ours.run(two.ids, [cut])
    require_same(ours.logits, two.theirs(edit))
    assert ours.fired[0].change > 0


@each_model
def test_a_list_of_interventions(two: Pair) -> None:
    """Steered, scaled, ablated with frozen patterns, a layer skipped: all in one run."""
    direction = torch.linspace(-1, 1, two.ours.d_model)
    clean, last = two.cache_of(two.ids), two.ours.n_layers - 1
    entered = []

    def look(stream: torch.Tensor, hook: Any) -> None:
        entered.append(stream.clone())

    ours = two.ours.run(
        two.ids,
        [
            mw.Freeze("pattern"),
            mw.Steer(mw.Residual(0), direction, 2.0),
            mw.Scale(mw.Head(LAYER, HEAD), 0.5),
            mw.Ablate(mw.Neuron(0, NEURON)),
            mw.SkipLayer(last),
        ],
    )
    frozen = [
        put("pattern", clean[hook("pattern", layer)], layer=layer) for layer in range(last + 1)
    ]
    theirs = two.theirs(
        *frozen,
        (hook("resid_pre", 0), lambda stream, hook: stream + 2 * direction),
        (hook("z"), lambda z, hook: z * scale_of_one_head(z)),
        put("mlp_post", 0.0, ALL, ALL, NEURON, layer=0),
        (hook("resid_pre", last), look),
        (hook("resid_post", last), lambda stream, hook: entered[0]),
    )
    require_same(ours.logits, theirs)


def scale_of_one_head(z: torch.Tensor) -> torch.Tensor:
    scale = torch.ones(z.shape[2], 1)
    scale[HEAD] = 0.5
    return scale


@each_model
def test_their_patching_map(two: Pair) -> None:
    """`patching.get_act_patch_resid_pre`: one of their forwards per cell, one row of ours."""
    from transformer_lens import patching

    def metric(logits: torch.Tensor) -> torch.Tensor:
        return logits[0, -1, 7] - logits[0, -1, 8]

    with torch.no_grad():
        theirs = patching.get_act_patch_resid_pre(
            two.bridge, two.ids, two.cache_of(two.other), metric
        )
    source = tuple(two.other[0].tolist())
    variants = [
        [mw.Patch(mw.Residual(layer, [position]), source)]
        for layer in range(two.ours.n_layers)
        for position in range(two.n)
    ]
    rows = two.ours.run_rows(two.ids, variants, positions=[-1])
    ours = torch.stack([metric(row.logits) for row in rows]).reshape(theirs.shape)
    require_same(ours, theirs)
    assert theirs.std() > 0


@pytest.fixture(scope="module")
def folded() -> Any:
    """GPT-2 as HookedTransformer would have it."""
    bridge = bridge_of(module("gpt2"))
    bridge.enable_compatibility_mode(disable_warnings=True)
    return bridge


@torch.no_grad()
def test_in_compatibility_mode_logits_differ_by_a_constant_per_position(folded: Any) -> None:
    two = pair("gpt2")
    ours, theirs = two.ours.run(two.ids).logits, folded(two.ids)
    assert (ours - theirs).abs().max() > 0.01
    require_same(ours.log_softmax(-1), theirs.log_softmax(-1))
    require_same(ours - ours.mean(-1, keepdim=True), theirs)


@torch.no_grad()
def test_in_compatibility_mode_a_zeroed_head_keeps_its_value_bias(folded: Any) -> None:
    two, head = pair("gpt2"), mw.Head(LAYER, HEAD)
    block = module("gpt2").transformer.h[LAYER]
    *_, folded_bias = block.attn.c_attn(block.ln_1.bias).chunk(3)  # the norm's own bias included
    bias = folded_bias.reshape(-1, head.width(two.ours))[HEAD]
    theirs = folded.run_with_hooks(two.ids, fwd_hooks=[put("z", 0.0, ALL, ALL, HEAD)])
    kept = two.ours.run(two.ids, [mw.SetValue(head, bias)]).logits
    zeroed = two.ours.run(two.ids, [mw.Ablate(head)]).logits
    require_same(kept.log_softmax(-1), theirs.log_softmax(-1))
    assert (zeroed.log_softmax(-1) - theirs.log_softmax(-1)).abs().max() > 1e-3


@torch.no_grad()
def test_in_compatibility_mode_mean_ablation_and_patching_are_the_same(folded: Any) -> None:
    two, head = pair("gpt2"), mw.Head(LAYER, HEAD)
    held = folded.run_with_cache(two.other)[1][hook("z")][:, :, HEAD]
    given = tuple(two.other[0].tolist())
    for intervention, value in (
        (mw.Ablate(head, "mean", over=given), held.mean((0, 1))),
        (mw.Patch(head, given), held),
    ):
        theirs = folded.run_with_hooks(two.ids, fwd_hooks=[put("z", value, ALL, ALL, HEAD)])
        ours = two.ours.run(two.ids, [intervention]).logits
        require_same(ours.log_softmax(-1), theirs.log_softmax(-1), intervention)
