"""Sites by any of their names; one that is not there is refused with the nearest ones."""

from __future__ import annotations

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.errors import SiteError
from mechwidget.models.sites import GLOBAL, LAYERED, parse_site, resolve_sites
from tests.models.zoo.build import example, hooked

LENS = {
    "blocks.3.hook_resid_pre": ("resid_pre", 3),
    "blocks.3.attn.hook_q": ("q", 3),
    "blocks.3.attn.hook_k": ("k", 3),
    "blocks.3.attn.hook_rot_q": ("q", 3),
    "blocks.3.attn.hook_rot_k": ("k", 3),
    "blocks.3.attn.hook_v": ("v", 3),
    "blocks.3.attn.hook_attn_scores": ("scores", 3),
    "blocks.3.attn.hook_pattern": ("pattern", 3),
    "blocks.3.attn.hook_z": ("z", 3),
    "blocks.3.hook_attn_out": ("attn_out", 3),
    "blocks.3.hook_resid_mid": ("resid_mid", 3),
    "blocks.3.mlp.hook_post": ("mlp_post", 3),
    "blocks.3.hook_mlp_out": ("mlp_out", 3),
    "blocks.3.hook_resid_post": ("resid_post", 3),
    "hook_embed": ("embed", None),
}


@pytest.mark.parametrize("lens", LENS)
def test_transformer_lens_names_are_aliases(lens: str) -> None:
    assert parse_site(lens) == LENS[lens]


@settings(deadline=None)
@given(st.sampled_from(LAYERED), st.integers(0, 999))
def test_every_spelling_of_a_layered_site_means_the_same(name: str, layer: int) -> None:
    site = mw.Site(name, layer)
    assert parse_site(str(site)) == parse_site((name, layer)) == parse_site(site) == site


@pytest.mark.parametrize("name", GLOBAL)
def test_sites_of_the_whole_model_have_no_layer(name: str) -> None:
    assert parse_site(name) == parse_site((name, None)) == mw.Site(name)
    with pytest.raises(SiteError, match="has no layer"):
        parse_site((name, 3))


@settings(deadline=None)
@given(st.one_of(st.text(), st.integers(), st.none(), st.tuples(st.text(), st.integers())))
def test_nonsense_is_a_site_error_or_a_site(like: object) -> None:
    with contextlib.suppress(SiteError):
        assert isinstance(parse_site(like), mw.Site)


@pytest.mark.parametrize(
    ("like", "nearest"),
    [
        ("patern", "pattern"),
        ("attn", "attn_out"),
        ("blocks.1.attn.hook_zz", "attn.hook_z"),
        ("mlp_pos", "mlp_post"),
        (("resid", 1), "resid_"),
    ],
)
def test_a_misspelt_site_is_answered_with_the_nearest(like, nearest: str) -> None:
    with pytest.raises(SiteError) as caught:
        parse_site(like)
    assert nearest in caught.value.hint


def test_a_site_that_this_model_lacks_is_answered_with_what_it_has() -> None:
    ids = example()
    with pytest.raises(SiteError, match=r"no site 'z\.7'") as caught:
        hooked("gpt2").run(ids, read=[("z", 7)])
    assert "z.2" in caught.value.hint
    with pytest.raises(SiteError, match="no 'resid_mid' at all") as caught:
        hooked("gptj").run(ids, read=[("resid_mid", 1)])
    assert "attn_out.1" in caught.value.hint
    with pytest.raises(SiteError, match="no 'q' at all"):
        hooked("bloom").run(ids, read=["q"])
    with pytest.raises(SiteError, match="no 'pattern' at all"):
        hooked("mamba").run(ids, read=["pattern"])


def test_a_bare_name_means_every_layer_that_has_it() -> None:
    assert resolve_sites("pattern", hooked("bamba").sites) == (mw.Site("pattern", 1),)
    assert len(resolve_sites("z", hooked("gpt2").sites)) == 3


def test_what_was_read_is_found_by_any_name_and_nothing_else_is() -> None:
    run = hooked("gpt2").run(example(), read=["z", "embed", "blocks.1.hook_resid_pre"])
    assert run.read["z", 2] is run.read["z.2"] is run.read["blocks.2.attn.hook_z"]
    assert set(run.read.layers("z")) == {0, 1, 2}
    assert run.read["resid_pre"] is run.read["resid_pre", 1]
    assert run.read["embed"].shape == (1, 11, 32)
    with pytest.raises(SiteError, match="3 layers"):
        run.read["z"]
    with pytest.raises(SiteError, match=r"pattern\.1 was not read"):
        run.read["pattern", 1]
    with pytest.raises(SiteError, match="asked to read nothing"):
        hooked("gpt2").run(example()).read["z", 0]


def test_reads_are_copies_that_nobody_else_holds() -> None:
    model = hooked("falcon")  # adds to its MLP's output in place
    first = model.run(example(), read=["mlp_out", "resid_post"]).read
    kept = {site: tensor.clone() for site, tensor in first.items()}
    model.run(example(), [mw.Ablate(mw.MLP(0))])
    assert all(torch.equal(first[site], kept[site]) for site in kept)
