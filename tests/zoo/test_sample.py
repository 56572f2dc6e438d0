"""A fixed sample of the zoo in every test run: each trait that has broken a tool before."""

from __future__ import annotations

import pytest
import torch

from mechwidget.errors import UnsupportedModelError
from mechwidget.models import wrap
from tests.models.state import state_of
from tests.zoo.build import build
from tests.zoo.laws import visit
from tests.zoo.table import STATES, line_of, table

torch.set_num_threads(1)

TRAITS: dict[str, tuple[str, ...]] = {
    "plain": ("gpt2", "llama", "persimmon"),
    "grouped queries": ("mistral", "cwm"),
    "one key head": ("gpt_bigcode",),
    "norms before and after": ("gemma2", "glm4", "olmo2"),
    "parallel": ("gptj", "falcon", "cohere", "phi"),
    "ALiBi": ("bloom", "mpt"),
    "softcap": ("vaultgemma", "nanochat"),
    "sinks": ("gpt_oss", "granite_swa"),
    "latent attention": ("deepseek_v3", "minicpm3", "youtu"),
    "experts": ("mixtral", "qwen2_moe", "axk1"),
    "recurrent or convolutional layers between": ("qwen3_next", "jamba", "lfm2_moe", "falcon_h1"),
    "no attention": ("mamba", "xlstm"),
    "sliding window": ("cohere2", "gpt_neo"),
    "norm after the sum": ("openai-gpt", "bert", "trocr"),
    "gated attention": ("afmoe", "qwen3_5_text"),
    "shared blocks": ("zamba",),
    "norm between z and W_O": ("bitnet", "diffllama"),
    "convolution after attention": ("inkling_text",),
    "positions outside the stream": ("biogpt", "opt", "xglm"),
}


@pytest.mark.parametrize("kind", [kind for kinds in TRAITS.values() for kind in kinds])
def test_the_laws_hold(kind: str) -> None:
    found = visit(kind)
    assert not found.refused
    assert not found.broken, {law: found.laws[law] for law in found.broken}
    assert found.named


def test_the_sample_is_large_enough() -> None:
    assert len({kind for kinds in TRAITS.values() for kind in kinds}) >= 30


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("rwkv", r"writes to its own 'rwkv.blocks.0.attention.output.weight'"),
        ("gemma3n_text", "no single residual stream"),
        ("deepseek_v4", "no single residual stream"),
        ("xlnet", "No residual stream was found"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_reason(kind: str, reason: str) -> None:
    model = build(kind)
    before = state_of(model)
    with pytest.raises(UnsupportedModelError, match=reason):
        wrap(model)
    assert state_of(model) == before


def test_the_table_tells_each_state() -> None:
    answers = [
        visit("gpt2").json(),
        {**visit("gpt2").json(), "named": False},
        {**visit("gpt2").json(), "laws": {"no edit": 0.5}, "broken": ["no edit"]},
        visit("gemma3n_text").json(),
        {"kind": "x", "crashed": "its process died"},
        {"kind": "y", "unbuilt": "ImportError: a|b"},
    ]
    lines = [line_of(answer) for answer in answers]
    assert {line.state for line in lines} == set(STATES)
    page = table(lines)
    assert page == table(lines)
    assert "| gpt2 | named | 4 | 4 x am | 4 x 4 |" in page
    assert r"a\|b" in page
    assert "no edit: off by 0.5" in page
