"""Tiny random models that are no decoders: a masked language model, and one with two stacks."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

import mechwidget as mw
from tests.session.tiny import WORDS

BLANK = "the cat [mask] on the mat"


def mask_tokenizer():
    vocabulary = {word: i for i, word in enumerate(("[unk]", "[mask]", *WORDS))}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[unk]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[unk]", mask_token="[mask]", pad_token="[unk]"
    )


def made(kind, config):
    """A new model with random weights, always the same ones."""
    torch.manual_seed(0)
    return kind(config).eval()


def masked_module():
    config = BertConfig(
        vocab_size=len(WORDS) + 2,
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=3,
        intermediate_size=48,
        max_position_embeddings=80,
        initializer_range=0.5,
    )
    return made(BertForMaskedLM, config)


def masked_model():
    return mw.wrap(masked_module(), mask_tokenizer(), name="fills in")


def two_stack_model():
    config = T5Config(
        vocab_size=len(WORDS) + 2,
        d_model=24,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=3,
        decoder_start_token_id=0,
        initializer_factor=3.0,
    )
    module = made(T5ForConditionalGeneration, config)
    return mw.wrap(module, mask_tokenizer(), name="translates")
