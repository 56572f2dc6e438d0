"""A fixed sample of the zoo in every test run: each trait that has broken a tool before."""

from __future__ import annotations

import pytest
import torch

from mechwidget.errors import UnsupportedModelError
from mechwidget.models import wrap
from tests.models.homemade import Homemade
from tests.models.state import state_of
from tests.zoo import __main__ as visits
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
    "stacks of stacks, run again": ("hrm_text",),
    "adapters": ("xmod",),
    "a bias added apart": ("gpt_neox_japanese",),
    "a stream that is scaled": ("zaya", "doge"),
    "positions outside the stream": ("biogpt", "opt", "xglm"),
}


FAMILIES: dict[str, tuple[str, ...]] = {
    "encoder": (
        *("bert", "roberta", "deberta-v2", "distilbert", "modernbert", "albert", "mpnet", "t5"),
        *("clip_text_model", "fnet", "ibert"),  # ibert's norms give back two things
    ),
    "encoder-decoder": ("t5", "bart", "marian", "m2m_100", "t5gemma2", "encoder-decoder"),
    "speech": ("whisper", "wav2vec2", "speech_to_text"),
    "vision": ("vit", "dinov2_with_registers", "beit", "clip_vision_model", "videomae"),
    "image and text": ("clip", "siglip"),
}
PARTLY = {("encoder", "fnet")}  # mixes positions by a Fourier transform, which no module makes


@pytest.mark.parametrize(
    ("family", "kind"), [(family, kind) for family, kinds in FAMILIES.items() for kind in kinds]
)
def test_the_laws_hold_beyond_causal_models(family: str, kind: str) -> None:
    found = visit(kind, family)
    assert not found.refused
    assert not found.broken, {law: found.laws[law] for law in found.broken}
    assert found.named != ((family, kind) in PARTLY)
    assert family == "image and text" or "as output_attentions" in found.laws or kind == "fnet"


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
        ("xlnet", r"No residual stream was found.* carry \[7, 1, 32\], positions first"),
        ("cpmant", r"for 7 tokens its modules carry \[1, 39, 32\]"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_reason(kind: str, reason: str) -> None:
    model = build(kind)
    before = state_of(model)
    with pytest.raises(UnsupportedModelError, match=reason):
        wrap(model)
    assert state_of(model) == before


@pytest.mark.parametrize(
    ("family", "kind", "reason"),
    [
        ("vision", "swin", r"several streams on, of \[1, 64, 32\] in .* and of \[1, 16, 64\]"),
        ("vision", "resnet", r"carry \[1, \d+, \d+, \d+\]"),
        ("encoder", "longformer", r"for 7 tokens its modules carry \[1, 8, 32\]"),
        ("encoder", "funnel", "passes several streams on"),
        ("vision", "vit_mae", "its forward draws random numbers"),
        ("speech", "sew", "gives 12 answers for 6 positions"),
    ],
)
def test_what_has_no_stream_of_its_positions_is_refused(
    family: str, kind: str, reason: str
) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        wrap(build(kind, family))


def test_what_has_no_control_is_told() -> None:
    assert wrap(build("jetmoe")).notes[0] == (
        "attention has no single output projection in every layer: no heads to choose"
    )
    assert wrap(build("longcat_flash")).notes[0] == (
        "several attentions write in every layer: their heads have no one control"
    )
    assert wrap(build("qwen4_exp_text")).notes[-1] == (
        "part of what is written in every layer comes from no one module: it has no control"
    )


class Counting(Homemade):
    """Counts its own calls in a buffer, as some position caches do."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, idx: torch.Tensor, targets: torch.Tensor | None = None):
        self.calls[0] += 1
        return super().forward(idx, targets)


def test_a_forward_that_writes_to_its_own_buffer_is_stopped_before_it_does() -> None:
    model = Counting()
    with pytest.raises(UnsupportedModelError, match="writes to its own 'calls'"):
        wrap(model)
    assert model.calls.item() == 0


def test_one_architecture_that_never_answers_does_not_stop_the_others(monkeypatch) -> None:
    monkeypatch.setattr(visits, "PATIENCE", 0.01)
    lines = list(visits._visits(["gpt2", "llama"]))
    assert [(line.kind, line.state) for line in lines] == [
        ("gpt2", "crashed"),
        ("llama", "crashed"),
    ]


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
    assert "| gpt2 | named | decoder 4 backwards | 4 x am | 4 x 4 |" in page
    assert r"a\|b" in page
    assert "no edit: off by 0.5" in page
