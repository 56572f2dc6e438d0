"""Dictionaries: their arithmetic against the formulas of the papers, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

import mechwidget as mw
from mechwidget.dictionaries import dictionary_names, find_dictionary
from mechwidget.errors import DictionaryError, SiteError
from tests.dictionaries.made import N_FEATURES, K, Theirs, dictionary

WIDTH = 8
X = torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(7))


def by_the_formula(made: mw.Dictionary, x: torch.Tensor) -> torch.Tensor:
    """Number by number."""
    pre = (x - made["b_dec"] if made.centred else x) @ made["W_enc"] + made["b_enc"]
    out = torch.zeros_like(pre)
    for row, values in zip(out.reshape(-1, N_FEATURES), pre.reshape(-1, N_FEATURES), strict=True):
        largest = sorted(range(N_FEATURES), key=lambda i: -values[i])[:K]
        for i, value in enumerate(values):
            keep = {
                "relu": value > 0,
                "jumprelu": made.activation == "jumprelu" and value > made["threshold"][i],
                "topk": i in largest and value > 0,
            }[made.activation]
            row[i] = value if keep else 0
    return out


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("activation", ["relu", "jumprelu", "topk"])
def test_encode_and_decode(activation: str, centred: bool) -> None:
    made = dictionary(WIDTH, activation=activation, centred=centred)
    f = made.encode(X)
    assert torch.allclose(f, by_the_formula(made, X), atol=1e-6)
    assert torch.allclose(made.decode(f), f @ made["W_dec"] + made["b_dec"], atol=1e-6)
    assert torch.equal(made.reconstruct(X), made.decode(f))
    for index in (0, 7, N_FEATURES - 1):
        assert torch.allclose(made.activation_of(X, index), f[..., index], atol=1e-6)
    if activation == "jumprelu":
        zeroed = (X @ made["W_enc"] + made["b_enc"] > 0) & (f == 0)
        assert zeroed.any() or centred


def test_a_skip_transcoder_adds_its_linear_path() -> None:
    made = dictionary(WIDTH, 6, reads=("mlp_in", 0), writes=("mlp_out", 0))
    skip = torch.randn(6, WIDTH, generator=torch.Generator().manual_seed(2))
    tensors = {name: made[name] for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    other = mw.Dictionary(**tensors, reads=("mlp_in", 0), writes=("mlp_out", 0), W_skip=skip)
    assert torch.allclose(other.reconstruct(X) - made.reconstruct(X), X @ skip.T, atol=1e-5)
    assert torch.equal(other.encode(X), made.encode(X))


def test_half_precision_is_encoded_in_the_dictionarys_own() -> None:
    made = dictionary(WIDTH)
    assert made.encode(X.bfloat16()).dtype == torch.float32


def test_fingerprints_tell_dictionaries_apart() -> None:
    tensors = {name: dictionary(WIDTH)[name] for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    made = mw.Dictionary(**tensors, reads=("resid_pre", 1))
    assert made.fingerprint == dictionary(WIDTH).fingerprint
    assert len(made.fingerprint) == 16
    moved = {**tensors, "b_enc": tensors["b_enc"] + 1e-6}
    others = [
        mw.Dictionary(**moved, reads=("resid_pre", 1)),
        mw.Dictionary(**tensors, reads=("resid_pre", 2)),
        mw.Dictionary(**tensors, reads=("resid_pre", 1), activation="topk", k=3),
        mw.Dictionary(**tensors, reads=("resid_pre", 1), activation="topk", k=4),
        mw.Dictionary(**tensors, reads=("resid_pre", 1), centred=True),
        mw.Dictionary(**{k: v.bfloat16() for k, v in tensors.items()}, reads=("resid_pre", 1)),
    ]
    assert len({made.fingerprint, *(other.fingerprint for other in others)}) == 1 + len(others)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"W_enc": torch.zeros(WIDTH)}, r"W_enc is \(8,\); expected \[d_in 8, n_features"),
        ({"b_enc": torch.zeros(3)}, r"b_enc is \(3,\); expected \[n_features 24\]"),
        ({"W_dec": torch.zeros(WIDTH, N_FEATURES)}, "W_dec is"),
        ({"b_dec": [0.0]}, "b_dec is list; expected a float tensor"),
        ({"b_dec": torch.zeros(WIDTH, dtype=torch.int64)}, "expected a float tensor"),
        ({"b_dec": torch.full((WIDTH,), float("nan"))}, "not finite"),
        ({"b_dec": torch.zeros(WIDTH, dtype=torch.float64)}, "expected one dtype"),
        ({"activation": "gelu"}, "'gelu'; expected 'relu'"),
        ({"activation": "jumprelu"}, "threshold belongs"),
        ({"threshold": torch.zeros(N_FEATURES)}, "threshold belongs"),
        ({"activation": "topk"}, "k is None"),
        ({"activation": "topk", "k": 25}, "k is 25; expected a number from 1 to 24"),
        ({"activation": "topk", "k": True}, "k is True"),
        ({"k": 3}, "k is 3"),
        ({"reads": ("pattern", 1)}, "cannot be of pattern.1"),
        ({"reads": "resid_pre"}, "and a layer"),
        ({"reads": ("resid_post", 1), "writes": ("resid_pre", 1)}, "before it"),
        ({"writes": ("resid_post", 1), "centred": True}, "centred=False"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], why: str) -> None:
    made = dictionary(WIDTH)
    given = {name: made[name] for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    with pytest.raises(DictionaryError, match=why):
        mw.Dictionary(**{**given, "reads": ("resid_pre", 1), **change})


def test_a_site_is_written_as_people_write_sites() -> None:
    made = dictionary(WIDTH)
    given = {name: made[name] for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    for reads in ("resid_pre.3", ("resid_pre", 3), "blocks.3.hook_resid_pre"):
        assert mw.Dictionary(**given, reads=reads).reads == mw.Site("resid_pre", 3)
    with pytest.raises(SiteError, match="Nearest"):
        mw.Dictionary(**given, reads="residpre.3")


def test_names() -> None:
    made = mw.register_dictionary("one of the tests", dictionary(WIDTH), replace=True)
    assert find_dictionary("one of the tests") is made
    assert "one of the tests" in dictionary_names()
    assert mw.register_dictionary("one of the tests", made) is made
    for name in ("", "  ", 3, "x" * 81):
        with pytest.raises(DictionaryError, match="expected text"):
            mw.register_dictionary(name, made)
    with pytest.raises(DictionaryError, match="No dictionary is called 'nobody'; there are"):
        find_dictionary("nobody")
    with pytest.raises(DictionaryError, match="has no reads, writes, n_features, encode, decode"):
        mw.register_dictionary("an int", 3)
    theirs = Theirs(made)
    theirs.n_features = "many"
    with pytest.raises(DictionaryError, match="n_features is 'many'"):
        mw.register_dictionary("an int", theirs)
    del theirs.n_features, theirs.writes
    with pytest.raises(DictionaryError, match="has no writes, n_features"):
        mw.register_dictionary("an int", theirs)
    assert "an int" not in dictionary_names()


def test_sites_are_in_the_order_in_which_they_run() -> None:
    """What a dictionary may read and write is decided by this order."""
    from mechwidget.dictionaries.contract import AT
    from mechwidget.models.sites import LAYERED

    assert [LAYERED.index(a) < LAYERED.index(b) for a, b in pairwise(sorted(AT, key=LAYERED.index))]
    order = ["resid_pre", "z", "attn_out", "resid_mid", "mlp_in", "mlp_post", "mlp_out"]
    assert [name for name in LAYERED if name in order] == order
