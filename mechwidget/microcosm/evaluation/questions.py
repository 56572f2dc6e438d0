"""Questions: held-out documents, tokenised, with the right and the tempting answer marked."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from mechwidget.microcosm.corpus import Document, Scene
from mechwidget.microcosm.tokenizer import PAD_ID, word_id

Source = Callable[[Scene], Document]


@dataclass(frozen=True)
class Answers:
    """What a model said: its logits at the last token of each prompt, and what was asked."""

    logits: torch.Tensor  # [questions, vocabulary]
    right: torch.Tensor  # [questions], token ids
    foil: torch.Tensor  # [questions], token ids


@dataclass(frozen=True)
class Questions:
    """Right-padded prompts; `last` is where the answer is read."""

    ids: torch.Tensor
    last: torch.Tensor
    right: torch.Tensor
    foil: torch.Tensor

    @torch.no_grad()
    def ask(self, model: GPT2LMHeadModel) -> Answers:
        """One forward pass over all prompts."""
        hidden = model.transformer(self.ids).last_hidden_state
        logits = model.lm_head(hidden[torch.arange(len(self.ids)), self.last])
        return Answers(logits, self.right, self.foil)


def pack(tokenizer: PreTrainedTokenizerFast, documents: list[Document]) -> Questions:
    """Tokenise the prompts of some documents."""
    encoded: list[list[int]] = tokenizer([document.prompt for document in documents])["input_ids"]
    ids = torch.full((len(encoded), max(map(len, encoded))), PAD_ID)
    for i, row in enumerate(encoded):
        ids[i, : len(row)] = torch.tensor(row)
    return Questions(
        ids,
        torch.tensor([len(row) - 1 for row in encoded]),
        torch.tensor([word_id(tokenizer, document.answer) for document in documents]),
        torch.tensor(
            [word_id(tokenizer, document.foil or document.answer) for document in documents]
        ),
    )


def draw(tokenizer: PreTrainedTokenizerFast, source: Source, count: int, seed: int) -> Questions:
    """Questions about combinations that training never showed."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return pack(tokenizer, [source(Scene(rng, held_out=True)) for _ in range(count)])
