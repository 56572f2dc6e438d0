"""The fingerprint is of the weights and settings, and of nothing else."""

from __future__ import annotations

import copy

import pytest
import torch

from mechwidget.errors import UnsupportedModelError
from mechwidget.models import fingerprint as module_under_test
from mechwidget.models.fingerprint import fingerprint
from tests.models.zoo.build import build


@pytest.fixture
def module():
    return build("gpt2")


def test_equal_models_have_one_fingerprint(module):
    known = fingerprint(module)
    assert fingerprint(build("gpt2")) == known
    assert fingerprint(copy.deepcopy(module).train()) == known
    module.config._name_or_path = "elsewhere"
    assert fingerprint(module) == known
    assert len(known) == 64


def test_one_number_makes_another(module):
    known = fingerprint(module)
    module.transformer.h[1].mlp.c_fc.weight.data[3, 7] += 1e-6
    assert fingerprint(module) != known


def test_neurons_that_change_places_make_another(module):
    known = fingerprint(module)
    weight = module.transformer.h[1].mlp.c_proj.weight
    with torch.no_grad():
        weight.copy_(weight[torch.randperm(len(weight), generator=torch.manual_seed(0))])
    assert fingerprint(module) != known


def test_a_setting_makes_another(module):
    known = fingerprint(module)
    module.transformer.h[0].attn.scale_attn_weights = False
    assert fingerprint(module) != known


def test_large_weights_are_sampled(module, monkeypatch):
    monkeypatch.setattr(module_under_test, "_ALL_BITS", 0)
    monkeypatch.setattr(module_under_test, "_SAMPLES", 8)
    known = fingerprint(module)
    assert fingerprint(build("gpt2")) == known
    with torch.no_grad():
        module.transformer.h[1].mlp.c_fc.weight.mul_(2)
    assert fingerprint(module) != known


def test_weights_that_are_elsewhere_have_none(module):
    with pytest.raises(UnsupportedModelError, match="offloaded or packed"):
        fingerprint(module.to("meta"))


@pytest.mark.filterwarnings("ignore")
def test_packed_weights_have_none():
    packed = torch.ao.quantization.quantize_dynamic(
        build("llama"), {torch.nn.Linear}, dtype=torch.qint8
    )
    with pytest.raises(UnsupportedModelError, match="offloaded or packed"):
        fingerprint(packed)


def test_tensors_that_are_no_parameters_count(module):
    module.transformer.h[0].own = torch.zeros(3)
    known = fingerprint(module)
    module.transformer.h[0].own[1] = 1
    assert fingerprint(module) != known
