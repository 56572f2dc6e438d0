"""Every run says what fired, how much it changed and, if nothing changed, why."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.interventions import Intervention
from mechwidget.models import Edit
from tests.interventions.fitting import ANY, IDS, LENGTH, fits
from tests.interventions.parts import TRAITS
from tests.models.zoo.build import example, hooked, shared
from tests.models.zoo.species import WIDTH

LATER = "the logits looked at are of earlier positions than position"
APART = "past the last attention, position 4 reaches its own logits only"
OVERRULED = "the logits looked at are the baseline's: it is lost on the way, or overruled"


def reasons(name: str, *edits: object, positions: list[int] | None = None) -> list[str]:
    return [each.reason for each in hooked(name).run(example(), edits, positions=positions).fired]


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gptj", "mamba", "mixtral"])
def test_an_edit_later_than_the_logits_looked_at_says_so(name: str) -> None:
    steer = mw.Scale(mw.Residual(1, [8]), 3)
    run = hooked(name).run(example(), [steer], positions=[2, 7])
    assert run.fired[0].change > 0
    assert run.fired[0].reason == f"{LATER} 8"
    assert torch.equal(run.logits, hooked(name).run(example(), positions=[2, 7]).logits)
    assert reasons(name, steer, positions=[8]) == [""]
    assert reasons(name, steer) == [""]
    assert reasons(name, mw.Scale(mw.Residual(1, [8, 9]), 3), positions=[0]) == [
        "the logits looked at are of earlier positions than positions 8, 9"
    ]


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gptj", "bloom", "granite"])
def test_past_the_last_attention_a_position_is_on_its_own_and_that_is_said(name: str) -> None:
    for component in (
        mw.Head(2, 1, [4]),
        mw.Attention(2, [4]),
        mw.MLP(2, [4]),
        mw.Neuron(2, 5, [4]),
        mw.Residual(2, [4], "post"),
        mw.Edge(2, 1, 4, 4),
    ):
        edit = mw.SetValue(component, 2.0)
        assert reasons(name, edit, positions=[10]) == [APART]
        assert reasons(name, edit, positions=[4, 10]) == [""]
    for before in (mw.Residual(2, [4]), mw.MLP(1, [4])):  # a window may still keep it away
        assert reasons(name, mw.SetValue(before, 2.0), positions=[10]) != [APART]


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_an_effect_that_is_overruled_on_its_way_says_so(name: str) -> None:
    model, ids = mw.wrap(shared(name)), example()
    model.run(ids)
    fired = model.run(ids, [mw.Ablate(mw.Head(0, 1)), mw.Freeze(mw.Residual(2))]).fired
    assert [each.reason for each in fired] == [OVERRULED, OVERRULED]
    assert all(each.change > 0 for each in fired)
    rows = model.run_rows(ids, [[mw.Ablate(mw.Head(0, 1)), mw.Freeze(mw.Residual(2))],
                                [mw.Ablate(mw.Head(0, 1))]])  # fmt: skip
    assert [each.reason for each in rows[0].fired] == [OVERRULED, OVERRULED]
    assert [each.reason for each in rows[1].fired] == [""]


@pytest.mark.parametrize("name", ["gpt2", "llama", "gptj", "falcon"])
def test_a_masked_edge_says_so(name: str) -> None:
    masked, zero = mw.Edge(1, 0, 3, 8), mw.Edge(1, 0, 8, 3)
    assert reasons(name, mw.KnockOut(masked)) == ["masked: the key comes after the query"]
    assert reasons(name, mw.Scale(masked, 2)) == ["masked: the key comes after the query"]
    assert reasons(name, mw.KnockOut(zero)) == [""]
    twice = reasons(name, mw.KnockOut(zero), mw.KnockOut(zero))
    assert twice[1].startswith("the pattern was 0 there already")


def test_a_key_outside_a_sliding_window_says_so() -> None:
    (found,) = reasons("mistral", mw.KnockOut(mw.Edge(1, 0, 9, 1)))  # its window is of 5
    assert found.startswith("the pattern was 0 there already, by a mask")


@pytest.mark.parametrize(
    ("edits", "reason"),
    [
        ([mw.Ablate(mw.MLP(1)), mw.Ablate(mw.MLP(1))], "it was 0 already"),
        ([mw.Ablate(mw.MLP(1)), mw.Scale(mw.MLP(1), 2)], "it was 0"),
        ([mw.Scale(mw.MLP(1), 1)], "scaling by 1 changes nothing"),
        ([mw.Steer(mw.MLP(1), [1.0] * WIDTH, 0)], "the coefficient is 0"),
        ([mw.SetValue(mw.MLP(1), 2), mw.SetValue(mw.MLP(1), 2)],
         "what flows there was already what this puts there"),
        ([mw.Patch(mw.MLP(0), example())], "the other prompt holds the same there"),
        ([mw.Freeze(mw.MLP(0))], "nothing had changed it"),
        ([mw.Ablate(mw.Residual(1)), mw.Ablate(mw.Attention(0)), mw.SkipLayer(0)], ""),
    ],
)  # fmt: skip
def test_a_zero_effect_says_why(edits: list[Intervention], reason: str) -> None:
    assert reasons("gpt2", *edits)[-1] == reason


def test_how_large_the_change_was_is_told() -> None:
    model, ids = hooked("gpt2"), example()
    held = model.run(ids, read=[("mlp_out", 1)]).read["mlp_out", 1]
    (fired,) = model.run(ids, [mw.Ablate(mw.MLP(1))]).fired
    assert fired.change == pytest.approx(float(held.norm()), rel=1e-5)
    assert fired.largest == float(held.abs().max())
    assert (fired.intervention, fired.site) == (0, mw.Site("mlp_out", 1))


class Turned:
    """Changes a whole site at some positions."""

    def __init__(self, site: mw.Site, axis: int, positions: list[int]) -> None:
        self.site, self.axis, self.positions = site, axis, positions

    def edits(self, _model: object, _n: int) -> tuple[Edit, ...]:
        def apply(tensor: torch.Tensor) -> torch.Tensor:
            edited = tensor.clone().transpose(1, self.axis)
            edited[:, self.positions] = edited[:, self.positions] * 1.5 + 0.5
            return edited.transpose(1, self.axis)

        return (Edit(self.site, apply),)


ON_ITS_OWN = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
PLACES = st.lists(st.integers(0, LENGTH - 1), min_size=1, max_size=3, unique=True)


@ON_ITS_OWN
@given(st.sampled_from(TRAITS), st.data(), PLACES, PLACES)
def test_whoever_is_said_not_to_reach_the_logits_does_not(name, data, positions, looked) -> None:
    """The claim is certain: without that edit, the logits are the same to the last bit."""
    model = hooked(name)
    site = data.draw(st.sampled_from([s for s in model.sites if s.name not in NOT_TURNED]))
    axis = 2 if site.name in ("scores", "pattern") else 1
    run = model.run(IDS, [Turned(site, axis, positions)], positions=looked, replay=False)
    (fired,) = run.fired
    plain = model.run(IDS, read=[site], positions=looked, replay=False)
    if fired.reason and fired.change > 0:
        assert same_but_for_grouping(name, run.logits, plain.logits)
    if fired.change and min(positions) > max(looked):
        assert fired.reason.startswith("the logits looked at are of earlier positions")


NOT_TURNED = ("experts", "embed", "logits")
GROUPED = ("mixtral", "gpt_oss", "deepseek_v3")  # experts batch tokens together


def same_but_for_grouping(name: str, a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a, b, atol=1e-4) if name in GROUPED else torch.equal(a, b)


@ON_ITS_OWN
@given(st.sampled_from(TRAITS), ANY, PLACES)
def test_any_intervention_that_has_no_effect_says_why(name, one, looked) -> None:
    model = hooked(name)
    if not fits(model, one):
        return
    model.run(IDS, positions=looked)
    run = model.run(IDS, [one], positions=looked)
    plain = model.run(IDS, read=[each.site for each in run.fired], positions=looked)
    if torch.equal(run.logits, plain.logits) and run.attention == "own":
        assert all(each.reason for each in run.fired)
    if all(each.change == 0 for each in run.fired):
        assert torch.equal(run.logits, plain.logits)
        assert all(each.reason for each in run.fired)
