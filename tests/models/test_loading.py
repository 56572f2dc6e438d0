"""`mw.load`: what it opens, and what it refuses, each in a sentence that says what to do."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import ResNetConfig, ResNetForImageClassification

import mechwidget as mw
from mechwidget.errors import ModelLoadError, UnsupportedModelError
from tests.models.zoo.build import build, example, own_logits, shared


def test_the_embedded_model_is_float32_and_has_its_name() -> None:
    model = mw.load("microcosm")
    assert model.name == "microcosm"
    assert model.dtype == torch.float32
    assert mw.load("microcosm", dtype="bfloat16").dtype == torch.bfloat16
    assert model.run("The capital of France is").logits.shape[-1] == model.vocab_size


def test_a_local_folder_gives_the_model_that_was_saved(tmp_path: Path) -> None:
    build("llama").save_pretrained(tmp_path / "tiny-llama")
    model = mw.load(tmp_path / "tiny-llama")
    assert (model.name, model.tokenizer) == ("tiny-llama", None)
    assert torch.equal(model.run(example()).logits, own_logits(shared("llama"), example()))
    assert mw.load(str(tmp_path / "tiny-llama") + "/", dtype=torch.float16).dtype == torch.float16


def refusal(*args, **kwargs) -> ModelLoadError | UnsupportedModelError:
    started = time.perf_counter()
    with pytest.raises((ModelLoadError, UnsupportedModelError)) as caught:
        mw.load(*args, **kwargs)
    assert time.perf_counter() - started < 8, "a refusal must not wait for a network"
    return caught.value


@pytest.mark.parametrize("path", ["./nowhere", "/no/such/folder", "~/nowhere", "a/b/c", ""])
def test_a_path_that_is_not_there_is_refused_at_once(path: str) -> None:
    assert "There is no folder" in refusal(path).message


def test_a_folder_that_is_not_a_model_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert "has no config.json" in error.message
    assert "save_pretrained" in error.hint


def test_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    assert "is a file; expected a folder" in refusal(file).message


@pytest.mark.parametrize("pickled", ["pytorch_model.bin", "model.pt", "consolidated.pth"])
def test_a_pickle_checkpoint_is_refused_and_never_opened(tmp_path: Path, pickled: str) -> None:
    build("gpt2").config.save_pretrained(tmp_path)
    bomb = tmp_path / pickled
    bomb.write_bytes(b"cos\nsystem\n(S'touch /tmp/mechwidget-was-here'\ntR.")
    error = refusal(tmp_path)
    assert f"pickle ({pickled})" in error.message
    assert "safetensors" in error.hint
    assert not Path("/tmp/mechwidget-was-here").exists()


def config_folder(folder: Path, **config: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def test_code_that_comes_with_a_checkpoint_is_refused(tmp_path: Path) -> None:
    auto_map = {"AutoModelForCausalLM": "modeling_evil.EvilForCausalLM"}
    folder = config_folder(tmp_path / "remote", model_type="evil", auto_map=auto_map)
    (folder / "modeling_evil.py").write_text("raise SystemExit('ran')")
    error = refusal(folder)
    assert "needs Python code that comes with the checkpoint" in error.message
    assert "trust_remote_code=True" in error.hint


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "no_such_type"}, "which this transformers does not know"),
        ({}, "has no model_type"),
        ({"model_type": 3}, "has no model_type"),
    ],
)
def test_an_unknown_kind_of_model_is_refused(tmp_path: Path, config, message: str) -> None:
    assert message in refusal(config_folder(tmp_path / "odd", **config)).message


def test_broken_files_are_refused(tmp_path: Path) -> None:
    folder = config_folder(tmp_path / "broken", model_type="gpt2")
    assert "could not be loaded" in refusal(folder).message
    (folder / "config.json").write_text("{")
    assert "cannot be read as JSON" in refusal(folder).message
    (folder / "config.json").write_text("[]")
    assert "is not a JSON object" in refusal(folder).message


def test_an_adapter_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    assert "peft" in refusal(tmp_path).hint


def test_what_is_no_transformer_is_refused(tmp_path: Path) -> None:
    ResNetForImageClassification(
        ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], layer_type="basic")
    ).save_pretrained(tmp_path / "resnet")
    assert "No residual stream was found" in refusal(tmp_path / "resnet").message
    codec = tmp_path / "codec"
    codec.mkdir()
    (codec / "config.json").write_text(json.dumps({"model_type": "encodec"}))
    (codec / "model.safetensors").write_bytes(b"")
    error = refusal(codec)
    assert isinstance(error, UnsupportedModelError)
    assert "'encodec', which is no model of text, speech or images" in error.message


def test_a_checkpoint_with_missing_weights_is_not_filled_with_noise(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    build("llama").save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.layers.1.mlp.down_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    error = refusal(tmp_path)
    assert (
        "lacks 1 of the model's weights, e.g. model.layers.1.mlp.down_proj.weight" in error.message
    )


def test_a_bare_name_without_a_network_is_refused_quickly() -> None:
    error = refusal("no-such-model-at-all")
    assert "not a folder here" in error.message
    assert "microcosm" in error.hint


@pytest.mark.parametrize("name", ["two words", "-gpt2", "org/model name", "gpt2;rm", "a" * 300])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    assert "neither a folder here nor a name on the hub" in refusal(name).message


def test_a_device_or_dtype_that_is_not_there_is_refused() -> None:
    assert "device 'cuda:99' cannot be used" in refusal("microcosm", device="cuda:99").message
    assert "device 'gpu' cannot be used" in refusal("microcosm", device="gpu").message
    assert "dtype is 'float33'" in refusal("microcosm", dtype="float33").message
    assert "dtype is torch.int8" in refusal("microcosm", dtype=torch.int8).message


def test_a_model_in_the_cache_loads_without_a_network(tmp_path: Path, monkeypatch) -> None:
    """The hub's cache layout, made by hand: refs, snapshots, files."""
    from huggingface_hub import constants

    folder = tmp_path / "models--org--tiny"
    snapshot = folder / "snapshots" / ("a" * 40)
    build("gpt2").save_pretrained(snapshot)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    model = mw.load("org/tiny")
    assert model.name == "org/tiny"
    assert torch.equal(model.run(example()).logits, own_logits(shared("gpt2"), example()))


class Hub:
    """A hub of one repository, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, []

    def model_info(self, name: str, timeout: float) -> object:
        self.asked.append(("info", timeout))
        siblings = [SimpleNamespace(rfilename=path.name) for path in self.folder.iterdir()]
        return SimpleNamespace(siblings=siblings)

    def hf_hub_download(self, name: str, file: str) -> str:
        self.asked.append(("file", file))
        return str(self.folder / file)

    def snapshot_download(self, name: str, **patterns: object) -> str:
        self.asked.append(("snapshot", patterns["allow_patterns"]))
        return str(self.folder)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    from mechwidget.models import hub as module

    fake = Hub(tmp_path / "repository")
    monkeypatch.setattr(module, "HfApi", lambda: fake)
    monkeypatch.setattr(module, "hf_hub_download", fake.hf_hub_download)
    monkeypatch.setattr(module, "snapshot_download", fake.snapshot_download)
    return fake


def test_a_model_on_the_hub_is_downloaded_without_its_pickles_or_code(hub: Hub) -> None:
    build("gpt2").save_pretrained(hub.folder)
    (hub.folder / "pytorch_model.bin").write_bytes(b"")
    assert mw.load("org/tiny").n_layers == 3
    patterns = hub.asked[-1][1]
    assert not {"*.bin", "*.py", "*"} & set(patterns)


def test_a_pickle_or_code_on_the_hub_is_refused_before_it_is_downloaded(hub: Hub) -> None:
    build("gpt2").config.save_pretrained(hub.folder)
    (hub.folder / "pytorch_model.bin").write_bytes(b"")
    assert "in a pickle" in refusal("org/tiny").message
    config_folder(hub.folder, model_type="evil", auto_map={"AutoConfig": "evil.Config"})
    assert "needs Python code" in refusal("org/tiny").message
    assert not any(kind == "snapshot" for kind, _ in hub.asked)


def test_a_cached_pickle_is_named_when_the_network_is_away(tmp_path: Path, monkeypatch) -> None:
    from huggingface_hub import constants

    folder = tmp_path / "models--org--old"
    snapshot = folder / "snapshots" / ("b" * 40)
    build("gpt2").config.save_pretrained(snapshot)
    (snapshot / "pytorch_model.bin").write_bytes(b"")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("b" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert "in a pickle (pytorch_model.bin)" in refusal("org/old").message
