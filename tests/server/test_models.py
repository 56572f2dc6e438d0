"""Which models are here: the shipped one, and whatever may lie in a cache."""

from __future__ import annotations

import json
import struct

import pytest

from mechwidget.microcosm import checkpoint_path
from mechwidget.server import offline_models
from mechwidget.server.checkpoint_facts import checkpoint_facts
from tests.server.checkpoints import CONFIG, cached, safetensors

WEIGHTS = {"wte.weight": ("BF16", [50257, 768]), "ln_f.bias": ("F32", [768])}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A cache of our own, looked at afresh."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return folder


def listed(jupyter):
    answer = jupyter.http.get("/models", params={"refresh": "1"})
    assert answer.status_code == 200
    return answer.json()


def test_the_shipped_model_is_always_there(jupyter, hub):
    (model,) = listed(jupyter)["models"]
    assert (model["name"], model["source"], model["problem"]) == ("microcosm", "embedded", None)
    assert model["type"] == "gpt2"
    assert model["bytes"] == sum(p.stat().st_size for p in checkpoint_path().iterdir())
    space = {}
    exec(model["code"].replace("mw.load", "str"), space)
    assert space["model"] == "microcosm"


def test_its_facts_are_those_of_the_loaded_model():
    import mechwidget as mw

    model, facts = mw.load("microcosm"), checkpoint_facts(checkpoint_path())
    assert facts["n_layers"] == model.n_layers
    assert facts["n_heads"] == model.n_heads(0)
    assert facts["d_model"] == model.d_model
    stored = {each.data_ptr(): each.numel() for each in model.model.parameters()}
    assert facts["parameters"] == sum(stored.values())


def test_a_cached_model_is_told_with_its_size_and_dtype(jupyter, hub):
    snapshot = cached(hub, "org/model", weights=WEIGHTS)
    told = listed(jupyter)
    assert told["cache"] == str(hub)
    model = next(each for each in told["models"] if each["name"] == "org/model")
    assert model["source"] == "cache"
    assert model["revision"] == snapshot.name
    assert model["dtype"] == "bfloat16"  # of the weights, whatever the config says
    assert model["parameters"] == 50257 * 768 + 768
    assert model["bytes"] > 2 * 50257 * 768
    assert (model["n_layers"], model["n_heads"], model["d_model"]) == (12, 12, 768)
    assert model["code"].endswith("mw.load('org/model')")
    assert model["problem"] is None


def test_models_are_looked_at_once_in_a_while(jupyter, hub):
    before = listed(jupyter)["models"]
    cached(hub, "new", weights=WEIGHTS)
    assert jupyter.http.get("/models").json()["models"] == before
    assert len(listed(jupyter)["models"]) == len(before) + 1


@pytest.mark.parametrize(
    ("config", "weights", "word"),
    [
        (CONFIG, None, "not here"),
        ("{", WEIGHTS, "config.json"),
        ("[1]", WEIGHTS, "config.json"),
        ("[" * 100_000, WEIGHTS, "config.json"),
        ({**CONFIG, "auto_map": {"AutoModel": "x.py"}}, WEIGHTS, "Python code"),
    ],
)
def test_what_cannot_be_loaded_says_why(jupyter, hub, config, weights, word):
    cached(hub, "model", config, weights)
    model = next(each for each in listed(jupyter)["models"] if each["name"] == "model")
    assert word in model["problem"]
    assert model["code"] is None


def test_pickles_and_missing_shards_are_told(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    assert "pickle" in checkpoint_facts(tmp_path)["problem"]
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    safetensors(tmp_path / "model-1.safetensors", {"a": ("F16", [10, 10])})
    facts = checkpoint_facts(tmp_path)
    assert "not complete" in facts["problem"]
    assert (facts["parameters"], facts["dtype"]) == (100, "float16")
    safetensors(tmp_path / "model-2.safetensors", {"b": ("F16", [5])})
    facts = checkpoint_facts(tmp_path)
    assert (facts["parameters"], facts["problem"]) == (105, None)


def test_an_index_does_not_lead_out_of_the_folder(tmp_path):
    (tmp_path / "model").mkdir()
    safetensors(tmp_path / "secret.safetensors", {"a": ("F32", [7])})
    (tmp_path / "model" / "config.json").write_text(json.dumps(CONFIG))
    index = {"weight_map": {"a": "../secret.safetensors", "b": "..\\secret.safetensors", "c": 3}}
    (tmp_path / "model" / "model.safetensors.index.json").write_text(json.dumps(index))
    assert checkpoint_facts(tmp_path / "model")["parameters"] is None


HOSTILE = {
    "empty": b"",
    "short": b"\x01\x02",
    "a header of 8 exabytes": struct.pack("<Q", 2**63) + b"{}",
    "longer than the file": struct.pack("<Q", 1000) + b"{}",
    "no JSON": struct.pack("<Q", 4) + b"spam",
    "a list": struct.pack("<Q", 2) + b"[]",
    "deep": struct.pack("<Q", 200_000) + b"[" * 200_000,
    "odd entries": struct.pack("<Q", 40) + b'{"a":1,"b":{"shape":[-1]},"c":{"shape":"x"}}'[:40],
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_no_trouble(tmp_path, content):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"n_layer": 1e400, "n_head": True}))
    (tmp_path / "model.safetensors").write_bytes(content)
    facts = checkpoint_facts(tmp_path)
    assert facts["parameters"] is None
    assert facts["dtype"] == "float32"  # then the config's word counts
    assert (facts["n_layers"], facts["n_heads"]) == (None, None)


def test_a_damaged_cache_is_told_and_not_fatal(jupyter, hub):
    cached(hub, "fine", weights=WEIGHTS)
    (hub / "models--broken").mkdir()
    told = listed(jupyter)
    assert "fine" in {each["name"] for each in told["models"]}
    assert told["problems"] == ["1 folders of the cache are damaged."]


def test_nothing_is_downloaded(hub, monkeypatch):
    def network(*_, **__):
        raise AssertionError("somebody asked the network")

    monkeypatch.setattr("socket.socket.connect", network)
    cached(hub, "org/model", weights=WEIGHTS)
    assert len(offline_models.find_models().models) == 2
