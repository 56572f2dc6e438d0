"""What a dictionary sees in a prompt, against the same numbers written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import feature_activations
from mechwidget.dictionaries import find_dictionary
from mechwidget.errors import ComponentError, DictionaryError, ReadTooLargeError
from tests.dictionaries.made import N_FEATURES, K, Theirs, dictionary, registered
from tests.models.zoo.build import example, hooked
from tests.models.zoo.species import WIDTH


@pytest.mark.parametrize("activation", ["relu", "jumprelu", "topk"])
@pytest.mark.parametrize("sites", [("resid_pre", "resid_pre"), ("z", "z"), ("mlp_in", "mlp_out")])
def test_the_arrays_are_what_they_say(activation: str, sites: tuple[str, str]) -> None:
    model, (reads, writes) = hooked("llama"), sites
    there = None if reads == writes else (writes, 1)
    name = registered(WIDTH, (reads, 1), there, activation)
    known = find_dictionary(name)
    read = model.run(example(), read=[known.reads, known.writes]).read
    x, target = (read[site][0].flatten(1) for site in (known.reads, known.writes))
    found = feature_activations(model, example(), name)
    f = known.encode(x)
    left = target - known.decode(f)
    assert np.allclose(found.activations, f.numpy(), atol=1e-5)
    assert found.l0.tolist() == (f > 0).sum(-1).tolist()
    if activation == "topk":
        assert found.l0.max() <= K
    assert np.allclose(found.norm, target.norm(dim=-1).numpy(), rtol=1e-5)
    assert np.allclose(found.error, left.norm(dim=-1).numpy(), rtol=1e-4)
    around = target - target.mean(0)
    assert found.explained == pytest.approx(float(1 - (left**2).sum() / (around**2).sum()), 1e-4)
    assert found.features == tuple(range(N_FEATURES))
    assert found.positions == tuple(range(11))


def test_a_perfect_dictionary_explains_everything() -> None:
    """Both signs of every axis: relu(x) - relu(-x) is x."""
    axes = torch.eye(WIDTH)
    perfect = mw.Dictionary(
        torch.cat((axes, -axes), 1), torch.zeros(2 * WIDTH), torch.cat((axes, -axes)),
        torch.zeros(WIDTH), reads=("resid_post", 0),
    )  # fmt: skip
    mw.register_dictionary("perfect", perfect, replace=True)
    found = feature_activations(hooked("gpt2"), example(), "perfect")
    assert found.explained == pytest.approx(1)
    assert found.error.max() < 1e-5
    assert (found.l0 == WIDTH).all()
    assert np.isnan(
        feature_activations(hooked("gpt2"), example(), "perfect", positions=[3]).explained
    )


def test_edits_are_seen_and_parts_are_parts() -> None:
    model, name = hooked("llama"), registered(WIDTH, ("resid_pre", 1), None)
    whole = feature_activations(model, example(), name)
    part = feature_activations(model, example(), name, features=[5, 2], positions=[-1, 3])
    assert part.positions == (10, 3)
    np.testing.assert_allclose(part.activations, whole.activations[[10, 3]][:, [5, 2]], rtol=1e-5)
    edit = [mw.Steer(mw.Residual(1), find_dictionary(name)["W_enc"][:, 5].tolist(), 10.0)]
    steered = feature_activations(model, example(), name, edit, features=[5])
    assert (steered.activations[:, 0] > whole.activations[:, 5]).all()


def test_somebodys_own_dictionary_is_read_alike() -> None:
    made = dictionary(WIDTH, activation="topk", centred=True)
    mw.register_dictionary("ours", made, replace=True)
    mw.register_dictionary("somebody's", Theirs(made), replace=True)
    ours, theirs = (
        feature_activations(hooked("gpt2"), example(), name) for name in ("ours", "somebody's")
    )
    assert np.array_equal(ours.activations, theirs.activations)
    assert ours.explained == theirs.explained


def test_what_cannot_be_read_is_refused() -> None:
    model, name = hooked("gpt2"), registered(WIDTH, ("resid_pre", 1), None)
    with pytest.raises(DictionaryError, match="No dictionary is called 'none'"):
        feature_activations(model, example(), "none")
    with pytest.raises(ComponentError, match="no feature 24"):
        feature_activations(model, example(), name, features=[24])
    with pytest.raises(ReadTooLargeError, match=r"take 1\.1 kB; at most 100 bytes"):
        feature_activations(model, example(), name, max_bytes=100)
    late = registered(WIDTH, ("resid_pre", 7), None)
    with pytest.raises(ComponentError, match=r"reads resid_pre\.7"):
        feature_activations(model, example(), late)
    with pytest.raises(mw.MechwidgetError, match="positions is empty"):
        feature_activations(model, example(), name, positions=[])
