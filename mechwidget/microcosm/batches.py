"""From rows to tensors: tokenise, sort by length into buckets, mask what cannot be learnt."""

import random
from collections.abc import Iterator
from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerFast

from mechwidget.microcosm.corpus import Row, rows
from mechwidget.microcosm.tokenizer import BOS_ID, CONTEXT, PAD_ID

# Rows of like length share a forward pass; four passes a step waste little on padding.
BUCKETS = (14, 22, 36, CONTEXT)
IGNORE = -100


class Batch(NamedTuple):
    """Rows of one bucket. Padding is on the right only, so causal attention never sees it."""

    ids: torch.Tensor
    labels: torch.Tensor


def _pack(samples: list[tuple[list[int], int]]) -> Batch:
    width = max(len(ids) for ids, _ in samples)
    ids = torch.full((len(samples), width), PAD_ID)
    labels = torch.full((len(samples), width), IGNORE)
    for i, (row, unlearnable) in enumerate(samples):
        ids[i, : len(row)] = torch.tensor(row)
        start = unlearnable + 1  # the document's own start token is never a target
        labels[i, start : len(row)] = ids[i, start : len(row)]
    return Batch(ids, labels)


def batches(rng: random.Random, tokenizer: PreTrainedTokenizerFast, count: int) -> Iterator[Batch]:
    """The batches of one training step, shortest rows first."""
    drawn: list[Row] = rows(rng, count)
    encoded = tokenizer.backend_tokenizer.encode_batch([row.text for row in drawn])
    samples = [
        ([*code.ids, BOS_ID][:CONTEXT], row.unlearnable)
        for code, row in zip(encoded, drawn, strict=True)
    ]
    lower = 0
    for upper in BUCKETS:
        bucket = [sample for sample in samples if lower < len(sample[0]) <= upper]
        lower = upper
        if bucket:
            yield _pack(bucket)
