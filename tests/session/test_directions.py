"""Directions: where they come from, and that steering along them is what a plain hook adds."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import InterventionError, MechwidgetError, TokenError
from mechwidget.session.direction_sources import MINUS, OtherMinusThis, Saved, Unembedding
from mechwidget.session.strength import strength_of, with_strength
from tests.session.encoders import BLANK, masked_model, two_stack_model
from tests.session.tiny import PROMPT, SECONDS

OTHER = PROMPT.replace("cat", "dog").replace("rug", "word3")
WIDTH = 24


def found(session, source):
    return session.find_direction(source).result(SECONDS)


def streams(model, text, layer):
    """The stream after a layer, by a plain hook on the module itself."""
    held = []
    handle = model.model.transformer.h[layer].register_forward_hook(
        lambda _m, _x, out: held.append((out[0] if isinstance(out, tuple) else out).detach())
    )
    with torch.no_grad():
        model.model(torch.tensor([model.tokenize(text).ids]))
    handle.remove()
    return held[0][0]


def hooked_logits(model, text, layer, change):
    """Logits of the last position with the stream after a layer changed by a plain hook."""

    def hook(_module, _x, out):
        stream = (out[0] if isinstance(out, tuple) else out).clone()
        stream[0] = change(stream[0])
        return (stream, *out[1:]) if isinstance(out, tuple) else stream

    handle = model.model.transformer.h[layer].register_forward_hook(hook)
    with torch.no_grad():
        logits = model.model(torch.tensor([model.tokenize(text).ids])).logits[0, -1]
    handle.remove()
    return logits


@pytest.mark.parametrize(("layer", "position"), [(0, 1), (1, 3), (2, -1)])
def test_b_minus_a_is_the_difference_of_two_streams(session, model, layer, position):
    session.other_prompt = OTHER
    direction = found(session, OtherMinusThis(mw.Residual(layer, end="post"), position))
    expected = streams(model, OTHER, layer)[position] - streams(model, PROMPT, layer)[position]
    assert torch.allclose(torch.tensor(direction.vector.values), expected, atol=1e-5)
    at = position % len(model.tokenize(PROMPT))
    assert direction.origin == f"token {at} of B minus A after layer {layer}"
    assert direction.name == f"B {MINUS} A at {at} after layer {layer}"


def test_steering_along_it_is_what_a_plain_hook_adds(session, model):
    session.other_prompt = OTHER
    direction = found(session, OtherMinusThis(mw.Residual(1, end="post"), 4))
    unit = torch.tensor(direction.vector.values)
    unit = unit / unit.norm()

    def moved(stream):
        stream[4] = stream[4] + 0.8 * stream[4].norm() * unit
        return stream

    session.interventions = [
        mw.Steer(mw.Residual(1, [4], "post"), direction.vector, 0.8, unit="share")
    ]
    found_logits = session.result.logits[0, 0]  # before there is a hook that this run would call
    expected = hooked_logits(model, PROMPT, 1, moved)
    assert torch.allclose(found_logits, expected, atol=1e-4)
    assert not torch.allclose(found_logits, session.baseline.logits[0, 0], atol=1e-3)


def test_a_coefficient_of_nothing_changes_no_bit(session):
    session.directions["any"] = torch.randn(WIDTH)
    session.interventions = [mw.Steer(mw.Residual(0), session.directions["any"], 0.0, unit="share")]
    assert torch.equal(session.result.logits, session.baseline.logits)


def test_b_that_is_longer_is_taken_at_the_token_that_stands_under(session, model):
    session.other_prompt = "and then " + PROMPT
    direction = found(session, OtherMinusThis(mw.Residual(0, end="post"), 2))
    expected = streams(model, session.other_prompt, 0)[4] - streams(model, PROMPT, 0)[2]
    assert torch.allclose(torch.tensor(direction.vector.values), expected, atol=1e-5)
    assert direction.origin == "token 4 of B minus token 2 of A after layer 0"


def test_what_has_no_difference_is_refused(session):
    with pytest.raises(InterventionError, match="no prompt B"):
        found(session, OtherMinusThis(mw.Residual(1)))
    session.other_prompt = PROMPT.replace("rug", "mat").replace("ran", "slept")
    with pytest.raises(InterventionError, match="difference is 0"):
        found(session, OtherMinusThis(mw.Residual(1), 0))
    session.other_prompt = "the"
    with pytest.raises(InterventionError, match="no counterpart"):
        found(session, OtherMinusThis(mw.Residual(1), -1))
    with pytest.raises(InterventionError, match="names position 99"):
        found(session, OtherMinusThis(mw.Residual(1), 99))
    with pytest.raises(MechwidgetError, match="does not exist"):
        found(session, OtherMinusThis(mw.Residual(7)))


def test_the_unembedding_is_the_row_of_the_matrix(session, model):
    rows = model.model.lm_head.weight.detach()
    mat, rug = model.token_id("mat"), model.token_id("rug")
    one = found(session, Unembedding("mat"))
    assert torch.allclose(torch.tensor(one.vector.values), rows[mat], atol=1e-6)
    assert (one.name, one.origin) == ("mat", "the unembedding of mat")
    both = found(session, Unembedding("mat", rug))
    assert torch.allclose(torch.tensor(both.vector.values), rows[mat] - rows[rug], atol=1e-6)
    assert both.name == f"mat {MINUS} rug"
    assert not rows.requires_grad
    assert model.model.lm_head.weight.grad is None
    with pytest.raises(InterventionError, match="same"):
        found(session, Unembedding("mat", "mat"))
    with pytest.raises(TokenError):
        found(session, Unembedding("mat rug"))


def test_along_the_answer_the_answer_rises(session):
    session.directions["answer"] = found(session, Unembedding("mat", "rug")).vector
    last = mw.Residual(2, [-1], "post")
    values = []
    for share in (0.1, 0.4, 0.8):
        session.interventions = [mw.Steer(last, session.directions["answer"], share, "share")]
        values.append(session.metric_value)
    assert session.baseline_metric_value < values[0] < values[1] < values[2]


def test_names_are_a_mapping(session):
    directions = session.directions
    assert repr(directions) == "Directions (none yet)"
    directions["truth"] = torch.arange(1.0, WIDTH + 1)
    directions["lies"] = [1.0] * WIDTH
    assert list(directions) == ["truth", "lies"]
    assert directions["truth"] == mw.Vector(tuple(map(float, range(1, WIDTH + 1))), "truth")
    assert directions.origin("truth") == "given in Python"
    directions["truth"] = [2.0] * WIDTH  # in its place
    assert list(directions) == ["truth", "lies"]
    assert "'lies': norm 4.9, given in Python" in repr(directions)
    session.interventions = [mw.Steer(mw.Residual(1), directions["lies"])]
    del directions["lies"]
    assert session.interventions[0].vector.values == (1.0,) * WIDTH  # its own copy
    with pytest.raises(KeyError):
        directions["lies"]
    with pytest.raises(KeyError):
        del directions["lies"]
    session.undo()
    assert list(directions) == ["truth"]  # no part of the experiment that undo goes back in
    session.prompt = "the dog sat"
    assert found(session, Saved("truth")).vector == directions["truth"]
    with pytest.raises(InterventionError, match="no direction 'nobody'"):
        found(session, Saved("nobody"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("short", [1.0] * 3, "24 numbers wide"),
        ("square", torch.zeros(2, WIDTH), "expected a"),
        ("nothing", [0.0] * WIDTH, "no direction"),
        ("nan", [float("nan")] * WIDTH, "finite"),
        ("", [1.0] * WIDTH, "name"),
        ("x" * 81, [1.0] * WIDTH, "at most 80"),
        ("a\nb", [1.0] * WIDTH, "cannot be printed"),
        (3, [1.0] * WIDTH, "name"),
    ],
)
def test_what_is_no_direction_is_refused(session, name, value, words):
    with pytest.raises(InterventionError, match=words):
        session.directions[name] = value
    assert len(session.directions) == 0


def test_other_kinds_of_models():
    with mw.Session(masked_model(), BLANK) as fills_in:
        fills_in.other_prompt = BLANK.replace("cat", "dog")
        direction = found(fills_in, OtherMinusThis(mw.Residual(1), 3))  # it looks both ways
        assert direction.vector.norm > 0
    with mw.Session(two_stack_model(), "the cat sat") as two:
        two.other_prompt = "the dog sat"
        with pytest.raises(InterventionError, match="another stack"):
            found(two, OtherMinusThis(mw.Residual(0), 0))
        last = mw.Residual(two.model.n_layers - 1, end="post")
        assert found(two, OtherMinusThis(last, 0)).vector.norm > 0


def test_the_strength_of_a_steer(session):
    session.directions["d"] = [1.0] * WIDTH
    vector = session.directions["d"]
    clamped = mw.Steer(mw.Residual(1), vector, 0.5, "share", "clamp along")
    assert strength_of(clamped) == 0.5
    assert with_strength(clamped, 2).coefficient == 2
    out = mw.Steer(mw.Residual(1), vector, mode="project out")
    assert strength_of(out) is None
    with pytest.raises(InterventionError, match="no strength"):
        with_strength(out, 2)
