"""Tokens as the model sees them, prompts that cannot be run, and text that is not one token."""

from __future__ import annotations

import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import mechwidget as mw
from mechwidget.errors import PromptError, TokenError
from mechwidget.models.vocabulary import Vocabulary
from tests.models.zoo.build import hooked, shared


@pytest.fixture(scope="module")
def microcosm() -> mw.HookedModel:
    return mw.load("microcosm")


def sentencepiece() -> PreTrainedTokenizerFast:
    """A Llama-like tokenizer: ▁ for space, <0xNN> for stray bytes."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += ["▁", "▁Mary", "Mary", "▁John", "a", "▁a", "b", "é", "▁the"]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    merges = []
    backend = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True))
    backend.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback()])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def test_tokens_keep_their_leading_space_and_say_what_is_special(microcosm) -> None:
    tokens = microcosm.tokenize("The capital of France is")
    assert tokens.texts == ("<|endoftext|>", " The", " capital", " of", " France", " is")
    assert tokens.special == (True, False, False, False, False, False)
    assert len(tokens) == 6
    assert tokens.tensor().shape == (1, 6)
    assert microcosm.tokenize(tokens) is tokens
    assert microcosm.tokenize(list(tokens.ids)) == tokens
    assert microcosm.tokenize(tokens.tensor()) == tokens


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20))
def test_byte_level_texts_are_the_prompt_again(text: str) -> None:
    """Texts, with stray bytes put back together, spell the prompt."""
    microcosm = mw_microcosm()
    tokens = microcosm.tokenize(text)
    spelt = b"".join(
        piece.encode().decode("unicode_escape").encode("latin-1")
        if piece.startswith("\\x")
        else piece.encode()
        for piece, special in zip(tokens.texts, tokens.special, strict=True)
        if not special
    )
    if "\\" not in text and "<|" not in text:
        assert spelt.decode("utf-8", "replace").lstrip(" ") == text.lstrip(" ")


def mw_microcosm() -> mw.HookedModel:
    if "model" not in _LOADED:
        _LOADED["model"] = mw.load("microcosm")
    return _LOADED["model"]


_LOADED: dict[str, mw.HookedModel] = {}


def test_stray_bytes_are_shown_as_escapes(microcosm) -> None:
    assert "\\xf0" in microcosm.tokenize("🎉").texts


def test_sentencepiece_spaces_and_bytes() -> None:
    vocabulary = Vocabulary(sentencepiece(), 300)
    token = vocabulary.tokenizer.convert_tokens_to_ids
    assert vocabulary.text(token("▁Mary")) == " Mary"
    assert vocabulary.text(token("Mary")) == "Mary"
    assert vocabulary.text(token("<0x0A>")) == "\n"
    assert vocabulary.text(token("<0xE2>")) == "\\xe2"
    assert vocabulary.one_token(" Mary") == token("▁Mary")
    assert vocabulary.one_token("Mary") == token("Mary")
    assert vocabulary.is_special(1)


def test_text_that_is_several_tokens_is_refused_with_the_pieces(microcosm) -> None:
    with pytest.raises(TokenError) as caught:
        microcosm.token_id("Paris France")
    assert "' Paris', ' France'" in caught.value.message
    with pytest.raises(TokenError, match="'xyzzy' is not one token but splits into"):
        microcosm.token_id("xyzzy")
    with pytest.raises(TokenError, match="empty"):
        microcosm.token_id("")


def test_a_missing_leading_space_is_named() -> None:
    vocabulary = Vocabulary(sentencepiece(), 300)
    with pytest.raises(TokenError) as caught:
        vocabulary.one_token("the")
    assert "' the', with a leading space, is one token" in caught.value.hint


def test_a_token_id_outside_the_vocabulary_is_refused(microcosm) -> None:
    with pytest.raises(TokenError, match=r"outside the vocabulary \(0 to 1030\)"):
        microcosm.token_id(1031)
    with pytest.raises(TokenError):
        microcosm.token_id(-1)
    with pytest.raises(TokenError, match="no tokenizer"):
        hooked("gpt2").token_id(" Mary")
    assert hooked("gpt2").token_id(7) == 7


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("", "prompt is empty"),
        ([], "prompt is empty"),
        (torch.empty(1, 0, dtype=torch.long), "prompt is empty"),
        ([1, 2, 99], r"Token id 99 is outside the model's vocabulary \(0 to 98\)"),
        ([1, -1], "Token id -1 is outside"),
        ([1.5], r"1\.5 is not a token id"),
        ([True], "True is not a token id"),
        (["a"], "'a' is not a token id"),
        (7, "prompt is int; expected text or a sequence of token ids"),
        (None, "prompt is NoneType"),
        (torch.ones(2, 3, dtype=torch.long), r"shape \(2, 3\); expected \[pos\] or \[1, pos\]"),
        (torch.ones(3), "is not a token id"),
        ("some text", "this model has no tokenizer"),
        ([5] * 65, "has 65 tokens; this model's context is 64"),
    ],
)
def test_a_prompt_that_cannot_be_run_is_refused(prompt, message: str) -> None:
    model = hooked("gpt2")
    if prompt == "":
        model = mw.wrap(shared("gpt2"), sentencepiece())
    with pytest.raises(PromptError, match=message):
        model.run(prompt)


def test_the_microcosm_says_how_long_a_prompt_may_be(microcosm) -> None:
    limit = microcosm.max_positions
    with pytest.raises(PromptError, match=f"this model's context is {limit}") as caught:
        microcosm.run("one " * (limit + 20))
    assert "Shorten it by" in caught.value.hint


def test_positions_outside_the_prompt_are_refused() -> None:
    with pytest.raises(PromptError, match="Position 11 is outside the prompt's 11 tokens"):
        hooked("gpt2").run(list(range(3, 14)), positions=[11])


def test_a_quarter_million_words_are_not_slow() -> None:
    size = 250_000
    backend = Tokenizer(models.WordLevel({f"w{i}": i for i in range(size)}, unk_token="w0"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="w0")
    vocabulary = Vocabulary(tokenizer, size)
    vocabulary.text(1)
    started = time.perf_counter()
    texts = [vocabulary.text(i * 250) for i in range(1000)]
    assert vocabulary.one_token("w77777") == 77777
    assert texts[4] == "w1000"
    assert time.perf_counter() - started < 0.5
