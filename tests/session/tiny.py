"""A tiny random GPT-2 with a tokenizer of words, and a brake that makes its blocks slow."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

import mechwidget as mw
from mechwidget.analysis import ablation_sweep, effect_grid, sweep_components

WORDS = [
    *("the", "cat", "dog", "sat", "ran", "on", "under", "a", "mat", "rug", "and", "then", "slept"),
    *(f"word{i}" for i in range(26)),
]
PROMPT = "the cat sat on the mat and the dog ran"
SECONDS = 20


def tiny_module(seed=0, layers=3):
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(WORDS) + 1,
        n_positions=32,
        n_embd=24,
        n_layer=layers,
        n_head=3,
        bos_token_id=0,
        eos_token_id=0,
        initializer_range=0.5,
    )
    return GPT2LMHeadModel(config).eval()


def tiny_tokenizer():
    vocabulary = {"[unk]": 0} | {word: i + 1 for i, word in enumerate(WORDS)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[unk]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[unk]")


def tiny_model(seed=0, layers=3):
    return mw.wrap(tiny_module(seed, layers), tiny_tokenizer(), name="tiny")


class Brake:
    """Counts forward passes; each block takes `seconds`."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.blocks = 0
        self.passes = 0
        self.running = threading.Event()

    def first(self, *_):
        self.passes += 1
        self.running.set()

    def block(self, *_):
        self.blocks += 1
        time.sleep(self.seconds)


@contextmanager
def brake(model, seconds=0.0):
    """Slow down every block of a model, and count."""
    slow = Brake(seconds)
    blocks = model.model.transformer.h
    handles = [blocks[0].register_forward_pre_hook(slow.first)]
    handles += [block.register_forward_hook(slow.block) for block in blocks]
    try:
        yield slow
    finally:
        for handle in handles:
            handle.remove()


def swept(model, prompt, metric=None):
    """The effects that a session's sweep has to find, found without a session."""
    components = sweep_components(model, wholes=True)
    return effect_grid(model, ablation_sweep(model, prompt, metric, components=components))


def eventually(condition, seconds=SECONDS):
    """Wait until `condition()` holds."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it never came true"
        time.sleep(0.002)
