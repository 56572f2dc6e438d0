"""The cone: what noise at one place really changes lies in it, and fills it where all attend."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mechwidget.analysis import cone
from mechwidget.analysis.put import Put
from mechwidget.errors import PromptError, SiteError
from mechwidget.models import Site
from tests.models.zoo.build import example, hooked

N, POSITION = 6, 2
SITES = (
    "resid_pre",
    "k",
    "v",
    "pattern",
    "z",
    "attn_out",
    "resid_mid",
    "mlp_in",
    "mlp_post",
    "mlp_out",
)


def really_changed(model, site):
    """Which streams move when noise is put at one position of a site."""
    stream = [s for s in model.sites if s.name.startswith("resid")]
    tap = [site] if site.name in ("k", "v", "pattern") else []
    before = model.run(example(N), read=[*stream, site, *tap], positions=[-1]).read
    noisy = before[site].clone()
    where = (0, slice(None), POSITION) if site.name == "pattern" else (0, POSITION)
    seed = torch.Generator().manual_seed(0)
    noisy[where] += torch.randn(noisy[where].shape, generator=seed)
    after = model.run(example(N), [Put({site: noisy})], [*stream, site], [-1]).read
    return np.array([(before[s] - after[s])[0].abs().amax(-1).numpy() > 1e-6 for s in stream])


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "gemma2", "gptj"])
@pytest.mark.parametrize("part", [*SITES, "resid_post", "embed"])
def test_noise_fills_the_cone(name, part):
    model = hooked(name)
    site = Site(part, None if part == "embed" else 1)
    if site not in model.sites:
        with pytest.raises(SiteError):
            cone(model, site, POSITION, N)
        return
    found = cone(model, site, POSITION, N)
    assert found.sites == tuple(s for s in model.sites if s.name.startswith("resid"))
    np.testing.assert_array_equal(found.reached, really_changed(model, site))


@pytest.mark.parametrize("name", ["mistral", "bamba", "mamba", "mixtral"])
@pytest.mark.parametrize("part", ["resid_pre", "mlp_out", "resid_post"])
def test_noise_stays_inside_the_cone(name, part):
    model, site = hooked(name), Site(part, 1)
    if site not in model.sites:
        pytest.skip(f"{name} has no {part}")
    changed, found = really_changed(model, site), cone(model, site, -N + POSITION, N)
    assert changed.any()
    assert not (changed & ~found.reached).any()


def test_the_logits_reach_no_stream_and_what_does_not_exist_is_said():
    model = hooked("gpt2")
    assert not cone(model, "logits", 0, N).reached.any()
    with pytest.raises(SiteError, match="needs a layer"):
        cone(model, "z", 0, N)
    with pytest.raises(PromptError):
        cone(model, "z.1", N, N)
