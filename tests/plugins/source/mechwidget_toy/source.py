"""The source: `toy:N` is a transformer of N layers; `mw.wrap` takes one that is in memory."""

import mechwidget as mw
from mechwidget.errors import ModelLoadError, PromptError
from mechwidget_toy.transformer import ALPHABET, LONGEST, ToyTransformer

MOST_LAYERS = 8


def encode(text):
    unknown = sorted(set(text) - set(ALPHABET))
    if unknown:
        raise PromptError(f"The toy knows no {unknown[0]!r}.", f"It knows {ALPHABET!r}.")
    return [ALPHABET.index(letter) for letter in text]


def decode(ids):
    return "".join(ALPHABET[i] for i in ids)


class ToySource:
    def load(self, reference, *, device=None, dtype=None):
        if not reference.isdecimal() or not 1 <= int(reference) <= MOST_LAYERS:
            raise ModelLoadError(
                f"There is no toy {reference!r}.",
                f"Expected toy:1 to toy:{MOST_LAYERS}, its layers.",
            )
        toy = ToyTransformer(layers=int(reference)).eval()
        toy.to(device=device or "cpu", dtype=mw_dtype(dtype))
        return self.wrap(toy, name=f"toy {reference}")

    def takes(self, thing):
        return isinstance(thing, ToyTransformer)

    def wrap(self, thing, tokenizer=None, *, name=None):
        source = mw.TextSource(
            encode,
            decode,
            lambda module, ids: module(ids)["letter_scores"],
            max_positions=LONGEST,
        )
        return mw.wrap(thing, source=source, name=name or "toy")


def mw_dtype(dtype):
    import torch

    return getattr(torch, dtype) if isinstance(dtype, str) else dtype


TOY = ToySource()
