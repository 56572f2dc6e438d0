"""Examples to trace a model with: token ids, and pixels or sound of the shapes that it may take.

Nothing is known about architectures: shapes are made from the sizes in the config, most likely
first, and whoever traces tries them in turn.

In: a module and a way to call it. Out: `Tokens`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.facts import first_number
from mechwidget.models.signal import Signal
from mechwidget.models.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mechwidget.models.ways import Way

POSITIONS = 7  # prime, and no model's number of heads or experts, so that shapes are telling
_BESIDE = 11  # positions of a second sequence: another prime
_FEW = 16  # a table of fewer rows is of token types or the like, not of tokens
_FRAMES = (64, 128, 512)
_SAMPLES = (4_000, 16_000)
_PIXELS = (224, 64, 32)
_MEL = (
    *("num_mel_bins", "feature_size", "input_feat_per_channel", "feature_projection_input_dim"),
    *("input_dim", "num_features", "n_mels", "input_size"),
)


def examples(module: nn.Module, way: Way) -> Iterator[Tokens]:
    """Prompts that `module` may take, most likely first."""
    ids = () if way.main_is_signal else example_ids(module, POSITIONS)
    main = plain_tokens(ids)
    if way.main_is_signal:
        yield from map(signal_tokens, _signals(module, way.main))
    elif not way.encoder:
        yield main
        yield from (plain_tokens((*ids[:-1], end)) for end in _ends(module))
    elif way.encoder == "input_ids":
        other = example_ids(module, _BESIDE)
        yield _both(main, plain_tokens(other))
        for end in _ends(module):
            yield _both(plain_tokens((*ids[:-1], end)), plain_tokens((*other[:-1], end)))
    else:
        for signal in _signals(module, way.encoder):
            yield _both(main, signal_tokens(signal))


def plain_tokens(ids: tuple[int, ...]) -> Tokens:
    """Ids as tokens, with numbers for texts."""
    return Tokens(ids, tuple(f"[{token}]" for token in ids), (False,) * len(ids))


def signal_tokens(signal: Signal) -> Tokens:
    """A signal whose number of positions is not known yet."""
    return Tokens((), (), (), signal)


def example_ids(module: nn.Module, length: int) -> tuple[int, ...]:
    """Token ids that every embedding of the model has a row for."""
    sizes = [m.num_embeddings for m in module.modules() if isinstance(m, nn.Embedding)]
    said = first_number(_configs(module), ("vocab_size",))
    if not sizes and said is not None:
        sizes = [said]
    if not sizes:
        return _small_ids(module, length)
    vocabulary = min((size for size in sizes if size >= _FEW), default=min(sizes))
    padding = getattr(getattr(module, "config", None), "pad_token_id", None)
    candidates = ((vocabulary // 3 + 3 * i) % vocabulary for i in range(2 * length))
    return tuple([token for token in candidates if token != padding][:length])


def _small_ids(module: nn.Module, length: int) -> tuple[int, ...]:
    """Ids that the smallest vocabulary has, for a module that may index a matrix of its own."""
    owners = (part for part in module.modules() if not type(part).__module__.startswith("torch."))
    if not any(p.dim() == 2 for part in owners for p in part.parameters(recurse=False)):
        raise UnsupportedModelError(
            f"{type(module).__name__} has no token embedding: nothing turns token ids into a "
            "residual stream.",
            "A module that is called in another way is described by a Source.",
        )
    return tuple(range(length))


def _both(main: Tokens, encoder: Tokens) -> Tokens:
    return Tokens(main.ids, main.texts, main.special, None, encoder)


def _ends(module: nn.Module) -> Iterator[int]:
    """The token that ends a text: some heads look for it."""
    end = first_number(_configs(module), ("eos_token_id", "eoc_token_id"))
    if end is not None:
        yield end


def _signals(module: nn.Module, name: str) -> Iterator[Signal]:
    """Noise of every likely shape, without a batch axis."""
    generator = torch.Generator().manual_seed(0)
    for shape in dict.fromkeys(_shapes(list(_configs(module)), name)):
        pictures = "video" if len(shape) > 3 else "image"
        kind = pictures if name.startswith("pixel") else "sound"
        yield Signal(kind, torch.randn(shape, generator=generator, device="cpu"))


def _shapes(configs: list[Any], name: str) -> Iterator[tuple[int, ...]]:
    if name.startswith("pixel"):
        channels = first_number(configs, ("num_channels", "in_channels", "in_chans")) or 3
        frames = first_number(configs, ("num_frames", "frames_per_clip", "tubelet_size"))
        for height, width in _sizes(configs):
            yield channels, height, width
            if frames:
                yield frames, channels, height, width
                yield channels, frames, height, width
        return
    mel = first_number(configs, _MEL) or 80
    half = first_number(configs, ("max_source_positions",))
    long = first_number(configs, ("max_length", "spectrogram_length", "max_speech_positions"))
    spectrograms = [(n, mel) for n in (long, *_FRAMES) if n]
    if name != "input_features":
        yield from ((n,) for n in _SAMPLES)
        yield from spectrograms
        return
    if half:
        yield mel, 2 * half
    yield from spectrograms
    yield from ((m, n) for n, m in spectrograms)
    yield from ((1, n, m) for n, m in spectrograms)


def _sizes(configs: list[Any]) -> Iterator[tuple[int, int]]:
    for config in configs:
        size = getattr(config, "image_size", None) or getattr(config, "input_size", None)
        if isinstance(size, int):
            yield size, size
        elif isinstance(size, (tuple, list)) and len(size) >= 2:
            yield int(size[-2]), int(size[-1])
    yield from ((n, n) for n in _PIXELS)


def _configs(module: nn.Module) -> Iterator[Any]:
    """A model's config and those of its parts, outermost first."""
    config: Any = getattr(module, "config", None)
    if config is None:
        return
    yield config
    for name in getattr(config, "sub_configs", None) or ():
        part = getattr(config, name, None)
        if part is not None:
            yield part
