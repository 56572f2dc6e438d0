"""What `run` is given: the slips of a first-time user are understood or answered in a sentence."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import mechwidget as mw
from mechwidget.errors import InterventionError, PromptError, SiteError
from tests.models.custom import Custom
from tests.models.homemade import Homemade
from tests.models.zoo.build import example, hooked


@pytest.mark.parametrize("read", ["z.1", ("z", 1), mw.Site("z", 1), [("z", 1)], {"z.1"}])
def test_one_site_need_not_be_in_a_list(read) -> None:
    assert set(hooked("gpt2").run(example(), read=read).read) == {mw.Site("z", 1)}


def test_a_component_in_the_place_of_an_intervention_is_answered() -> None:
    with pytest.raises(InterventionError, match=r"head 1\.2 is not an intervention") as caught:
        hooked("gpt2").run(example(), [mw.Head(1, 2)])
    assert "mw.Ablate(" in caught.value.hint


def test_no_positions_at_all_are_refused() -> None:
    with pytest.raises(PromptError, match="positions is empty"):
        hooked("gpt2").run(example(), positions=[])


def test_an_edit_of_another_shape_is_refused() -> None:
    model, site = hooked("gpt2"), mw.Site("mlp_out", 1)
    with pytest.raises(InterventionError, match=r"mlp_out\.1 gave \(1, 11, 31\); expected"):
        model.run(example(), [Custom(site, lambda t: t[..., 1:])])
    with pytest.raises(
        InterventionError, match=r"gave NoneType; expected a tensor of \(1, 11, 32\)"
    ):
        model.run(example(), [Custom(site, lambda _t: None)])


def test_an_edit_at_a_site_that_is_not_there_is_refused() -> None:
    with pytest.raises(SiteError, match="no 'resid_mid' at all"):
        hooked("phi").run(example(), [Custom(mw.Site("resid_mid", 0), lambda t: t)])


def test_edits_happen_in_order_and_each_is_reported() -> None:
    site = mw.Site("resid_post", 1)
    double, plus = Custom(site, lambda t: t * 2), Custom(site, lambda t: t + 1)
    model = hooked("llama")
    plain = model.run(example(), read=site).read[site]
    run = model.run(example(), [double, mw.Ablate(mw.MLP(2)), plus], read=site)
    assert torch.equal(run.read[site], plain * 2 + 1)
    assert [(f.intervention, str(f.site)) for f in run.fired] == [
        (0, "resid_post.1"),
        (2, "resid_post.1"),
        (1, "mlp_out.2"),
    ]
    assert run.fired[1].change == pytest.approx((11 * 32) ** 0.5, rel=1e-5)
    twice = model.run(example(), [mw.Ablate(mw.MLP(0)), mw.Ablate(mw.MLP(0))])
    assert [f.change > 0 for f in twice.fired] == [True, False]


def test_the_logits_are_a_site_too() -> None:
    run = hooked("gpt2").run(
        example(), [Custom(mw.Site("logits"), torch.zeros_like)], read="logits"
    )
    assert (run.logits == 0).all()
    assert (run.read["logits"] == 0).all()


def test_the_embedding_is_where_the_tokens_become_vectors() -> None:
    model = hooked("gpt2")
    table = model.model.transformer.wte.weight
    assert torch.equal(model.run(example(), read="embed").read["embed"], table[example()])
    silent = model.run(
        example(), [Custom(mw.Site("embed"), torch.zeros_like)], read=("resid_pre", 0)
    )
    places = model.model.transformer.wpe.weight[:11]
    assert torch.equal(silent.read["resid_pre", 0][0], places)


def test_small_tables_before_the_tokens_do_not_confuse_the_survey() -> None:
    class WithKinds(Homemade):
        def __init__(self) -> None:
            super().__init__()
            tokens = self._modules.pop("tokens")
            places = self._modules.pop("places")
            self._modules = {"kinds": nn.Embedding(2, 32), "places": places, **self._modules}
            self._modules["tokens"] = tokens

    assert mw.wrap(WithKinds()).n_layers == 3
