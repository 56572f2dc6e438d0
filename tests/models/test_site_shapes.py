"""What `run.read` returns has the shapes that the documentation of sites says."""

from __future__ import annotations

import re

import pytest

from mechwidget.models import sites
from tests.models.zoo.build import example, hooked
from tests.models.zoo.species import ZOO

LINE = re.compile(r"^    (\w+) +\[([\w, ]+)\]  ", re.MULTILINE)
DOCUMENTED = {name: axes.split(", ") for name, axes in LINE.findall(sites.__doc__ or "")}
N = 11


def test_every_name_is_documented() -> None:
    plain = [name for name in sites.NAMES if not name.startswith(sites.CROSS)]
    norms = sites.NORM_SCALES[1:]  # "…" after the first
    assert [name for name in plain if name not in norms] == list(DOCUMENTED)


@pytest.mark.parametrize("name", ZOO)
def test_the_documented_shape_is_what_is_read(name: str) -> None:
    model = hooked(name)
    read = model.run(example(N), read=[site for site in model.sites if site.name != "logits"]).read
    for site, tensor in read.items():
        block = None if site.layer is None else model.ledger.blocks[site.layer]
        maps, layer = None if block is None else block.attention, site.layer or 0
        sizes = {
            "batch": 1, "pos": N, "query": N, "key": N, "1": 1, "vocab": model.vocab_size,
            "d_model": model.d_model,
            "head": 0 if maps is None else maps.heads,
            "kv_head": 0 if maps is None else maps.key_value_heads,
            "expert": model.n_experts(layer),
            "neuron": model.n_expert_neurons(layer) if "expert" in site.name
            else model.n_neurons(layer),
        }  # fmt: skip
        known = "norm1_scale" if site.name in sites.NORM_SCALES else site.name
        axes = DOCUMENTED[known]
        assert tensor.dim() == len(axes), (site, tensor.shape)
        for axis, found in zip(axes, tensor.shape, strict=True):
            assert sizes.get(axis, found) == found, (site, axis, tensor.shape)
    assert model.run(example(N)).logits.shape == (1, N, model.vocab_size)
