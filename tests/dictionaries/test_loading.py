"""Dictionaries from files in SAELens' layout; whatever is not understood is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import mechwidget as mw
from mechwidget.errors import DictionaryError
from tests.dictionaries.made import N_FEATURES, K, dictionary

WIDTH = 8
X = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(7))
SAE = {"architecture": "standard", "d_in": WIDTH, "d_sae": N_FEATURES, "dtype": "float32",
       "apply_b_dec_to_input": True, "normalize_activations": "none",
       "metadata": {"hook_name": "blocks.1.hook_resid_pre", "model_name": "gpt2"}}  # fmt: skip
MLP = {"hook_name": "blocks.1.hook_resid_mid", "hook_name_out": "blocks.1.hook_mlp_out"}


def tensors_of(made: mw.Dictionary) -> dict[str, torch.Tensor]:
    names = ["W_enc", "b_enc", "W_dec", "b_dec", *(["threshold"] * (made.activation == "jumprelu"))]
    return {name: made[name].clone() for name in names}


def written(folder: Path, tensors: dict[str, torch.Tensor], **config: Any) -> Path:
    save_file(tensors, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps({**SAE, **config}))
    return folder


@pytest.mark.parametrize(
    ("activation", "config"),
    [
        ("relu", {}),
        ("relu", {"architecture": "standard", "apply_b_dec_to_input": False}),
        ("jumprelu", {"architecture": "jumprelu", "apply_b_dec_to_input": False}),
        ("topk", {"architecture": "topk", "k": K}),
        # As versions before 6 wrote them: everything at the root, the activation named beside.
        ("topk", {"metadata": None, "hook_name": "blocks.1.hook_resid_pre",
                  "activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}}),
    ],
)  # fmt: skip
def test_the_layout_of_saelens(tmp_path: Path, activation: str, config: dict[str, Any]) -> None:
    centred = config.get("apply_b_dec_to_input", True)
    made = dictionary(WIDTH, activation=activation, centred=centred)
    folder = written(tmp_path, tensors_of(made), **config)
    for path in (folder, str(folder), folder / "sae_weights.safetensors"):
        loaded = mw.Dictionary.load(path)
        assert loaded.fingerprint == made.fingerprint
        assert loaded.loaded_from == str(path)
    assert torch.equal(loaded.encode(X), made.encode(X))
    elsewhere = mw.Dictionary.load(folder, reads=("resid_pre", 0))
    assert elsewhere.reads == elsewhere.writes == mw.Site("resid_pre", 0)


def test_top_k_of_activations_in_units_of_the_decoders_norm(tmp_path: Path) -> None:
    """As SAELens does it: multiplied before the choice, divided when decoded."""
    made = dictionary(WIDTH, activation="topk")
    config = {"architecture": "topk", "k": K, "rescale_acts_by_decoder_norm": True,
              "apply_b_dec_to_input": False}  # fmt: skip
    loaded = mw.Dictionary.load(written(tmp_path, tensors_of(made), **config))
    norm = made["W_dec"].norm(dim=-1)
    pre = (X @ made["W_enc"] + made["b_enc"]) * norm
    top = pre.topk(K, -1)
    f = torch.zeros_like(pre).scatter(-1, top.indices, top.values.relu())
    assert torch.allclose(loaded.encode(X), f, atol=1e-5)
    theirs = (f / norm) @ made["W_dec"] + made["b_dec"]
    assert torch.allclose(loaded.decode(f), theirs, atol=1e-5)


def test_transcoders(tmp_path: Path) -> None:
    made = dictionary(WIDTH, 6, "jumprelu", reads=("resid_mid", 1), writes=("mlp_out", 1))
    config = {"architecture": "jumprelu_skip_transcoder", "d_out": 6, "metadata": MLP,
              "apply_b_dec_to_input": False}  # fmt: skip
    skip = torch.ones(6, WIDTH)
    folder = written(tmp_path, {**tensors_of(made), "W_skip": skip}, **config)
    loaded = mw.Dictionary.load(folder)
    assert (loaded.reads, loaded.writes) == (mw.Site("resid_mid", 1), mw.Site("mlp_out", 1))
    assert torch.allclose(loaded.reconstruct(X) - made.reconstruct(X), X @ skip.T, atol=1e-5)
    normed = {**MLP, "hook_name": "blocks.1.ln2.hook_normalized"}
    written(tmp_path, tensors_of(made), **{**config, "metadata": normed})
    with pytest.raises(DictionaryError, match="is no site") as caught:
        mw.Dictionary.load(folder)
    assert "divide W_enc by the gain" in caught.value.hint
    assert mw.Dictionary.load(folder, reads=("mlp_in", 1)).reads == mw.Site("mlp_in", 1)


def test_log_thresholds_of_checkpoints(tmp_path: Path) -> None:
    made = dictionary(WIDTH, activation="jumprelu")
    tensors = tensors_of(made)
    tensors["log_threshold"] = tensors.pop("threshold").log()
    config = {"architecture": "jumprelu", "apply_b_dec_to_input": False}
    loaded = mw.Dictionary.load(written(tmp_path, tensors, **config))
    assert torch.allclose(loaded["threshold"], made["threshold"])


@pytest.mark.parametrize("name", ["sae.pt", "sae_weights.bin", "params.npz", "ae.pth", "x.pkl"])
@pytest.mark.parametrize("whole", [True, False])
def test_what_could_run_code_is_never_opened(tmp_path: Path, name: str, whole: bool) -> None:
    (tmp_path / "cfg.json").write_text(json.dumps(SAE))
    if name.endswith("npz"):
        np.savez(tmp_path / name, W_enc=np.zeros(3))
    else:
        torch.save({"W_enc": Bomb()}, tmp_path / name)
    with pytest.raises(DictionaryError, match=r"expected sae_weights\.safetensors") as caught:
        mw.Dictionary.load(tmp_path if whole else tmp_path / name)
    assert "mechwidget.Dictionary(W_enc" in caught.value.hint
    assert not Bomb.went_off


class Bomb:
    went_off = False

    def __setstate__(self, state: object) -> None:
        Bomb.went_off = True


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"architecture": "gated"}, "architecture is 'gated'; known are standard"),
        ({"architecture": ["standard"]}, "architecture is"),
        ({"normalize_activations": "layer_norm"}, "normalises activations"),
        ({"normalize_activations": "expected_average_only_in"}, "normalises activations"),
        ({"finetuning_scaling_factor": True}, "fine-tuning"),
        ({"activation_fn_str": "tanh-relu"}, "activation is 'tanh-relu'"),
        ({"architecture": "topk"}, "k is None"),
        ({"architecture": "topk", "k": "6"}, "k is '6'"),
        ({"metadata": {}}, "no hook_name"),
        ({"metadata": {"hook_name": 3}}, "no hook_name"),
        ({"metadata": {"hook_name": "blocks.1.attn.hook_q"}}, "cannot be of q.1"),
        ({"metadata": {"hook_name": "layers.1"}}, "'layers.1', which is no site"),
        ({"hook_head_index": 3}, "one head alone"),
        ({"architecture": "jumprelu"}, "no threshold, which JumpReLU needs"),
        ({"rescale_acts_by_decoder_norm": True}, "only of top-k"),
        ({"architecture": "transcoder"}, "no hook_name_out"),
    ],
)
def test_what_is_not_understood_is_refused(
    tmp_path: Path, config: dict[str, Any], why: str
) -> None:
    written(tmp_path, tensors_of(dictionary(WIDTH)), **config)
    with pytest.raises(DictionaryError, match=why):
        mw.Dictionary.load(tmp_path)


def test_files_that_are_not_there_or_broken(tmp_path: Path) -> None:
    with pytest.raises(DictionaryError, match="There is no file or folder"):
        mw.Dictionary.load(tmp_path / "none")
    with pytest.raises(DictionaryError, match="holds no safetensors"):
        mw.Dictionary.load(tmp_path)
    folder = written(tmp_path, tensors_of(dictionary(WIDTH)))
    (folder / "cfg.json").write_text("{not json")
    with pytest.raises(DictionaryError, match="cannot be read as JSON"):
        mw.Dictionary.load(folder)
    (folder / "cfg.json").write_text("[]")
    with pytest.raises(DictionaryError, match="no JSON object"):
        mw.Dictionary.load(folder)
    (folder / "cfg.json").unlink()
    with pytest.raises(DictionaryError, match=r"There is no cfg\.json"):
        mw.Dictionary.load(folder)
    (folder / "cfg.json").write_text(json.dumps(SAE))
    with pytest.raises(DictionaryError, match="is no safetensors file"):
        mw.Dictionary.load(folder / "cfg.json")
    tensors = tensors_of(dictionary(WIDTH))
    for wrong, why in (
        ({"b_gate": torch.zeros(3)}, "holds 'b_gate'"),
        ({"W_dec": torch.zeros(3, 3)}, "W_dec is"),
    ):
        save_file({**tensors, **wrong}, folder / "sae_weights.safetensors")
        with pytest.raises(DictionaryError, match=why):
            mw.Dictionary.load(folder)
    save_file({"W_enc": tensors["W_enc"]}, folder / "sae_weights.safetensors")
    with pytest.raises(DictionaryError, match="has no W_dec"):
        mw.Dictionary.load(folder)
    (folder / "sae_weights.safetensors").write_bytes(b"\xff" * 99)
    with pytest.raises(DictionaryError, match="cannot be read as safetensors"):
        mw.Dictionary.load(folder)
    for name in ("a", "b"):
        save_file(tensors, folder / f"{name}.safetensors")
    (folder / "sae_weights.safetensors").unlink()
    with pytest.raises(DictionaryError, match="holds 2 safetensors files"):
        mw.Dictionary.load(folder)
