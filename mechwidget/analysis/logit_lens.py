"""The logit lens: what the model would say if it stopped after each layer.

The residual stream at each layer is read through the model's own final norm and unembedding (see
`readout`), and the next-token distribution found there is compared with the final one. After
nostalgebraist 2020, "interpreting GPT: the logit lens". In a model that norms after each sum the
stream between layers is read as it is, like the last one.

In: a prompt, interventions and the sites to read. Out: `LogitLens`, arrays over (site, position),
made in blocks of positions and layers: logits of all layers never exist at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mechwidget.analysis.answering import require_answers
from mechwidget.analysis.cutting import cut, cut_to_fit
from mechwidget.analysis.readout import BLOCK_BYTES, Readout
from mechwidget.errors import MechwidgetError, UnsupportedModelError
from mechwidget.models import Site
from mechwidget.models.prompts import from_start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.models import HookedModel, Intervention, Tokens
    from mechwidget.models.prompts import Prompt

SUBLAYERS = ("resid_pre", "resid_mid", "resid_post")
_STREAM_BYTES = 2**29  # of streams that one run reads


@dataclass(frozen=True, slots=True, eq=False)
class LogitLens:
    """What the stream says, by site and position.

    Attributes:
        tokens: the prompt.
        sites: what each row is, in the order of computation.
        positions: what each column is, counted from 0.
        top_ids: int64 `[site, pos, k]`, the likeliest tokens, likeliest first.
        top_logits: float32 `[site, pos, k]`.
        top_probabilities: float32 `[site, pos, k]`.
        chosen: ids of the tokens that are followed.
        chosen_logits: float32 `[site, pos, chosen]`.
        chosen_probabilities: float32 `[site, pos, chosen]`.
        chosen_ranks: int64 `[site, pos, chosen]`, 1 for the likeliest token.
        final_probabilities: float32 `[site, pos]`, of what the last row finds likeliest there.
        final_ranks: int64 `[site, pos]`, of the same token.
        entropy: float32 `[site, pos]`, in nats.
        kl: float32 `[site, pos]`, KL(final answer ‖ this stream) in nats; 0 in the last row.
    """

    tokens: Tokens
    sites: tuple[Site, ...]
    positions: tuple[int, ...]
    top_ids: npt.NDArray[np.int64]
    top_logits: npt.NDArray[np.float32]
    top_probabilities: npt.NDArray[np.float32]
    chosen: tuple[int, ...]
    chosen_logits: npt.NDArray[np.float32]
    chosen_probabilities: npt.NDArray[np.float32]
    chosen_ranks: npt.NDArray[np.int64]
    final_probabilities: npt.NDArray[np.float32]
    final_ranks: npt.NDArray[np.int64]
    entropy: npt.NDArray[np.float32]
    kl: npt.NDArray[np.float32]


def logit_lens(
    model: HookedModel,
    prompt: Prompt,
    interventions: Sequence[Intervention] = (),
    *,
    positions: Sequence[int] | None = None,
    layers: Sequence[int] | None = None,
    sublayers: Sequence[str] = SUBLAYERS,
    chosen: Sequence[str | int] = (),
    k: int = 5,
    block_bytes: int = BLOCK_BYTES,
    progress: Callable[[int, int], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> LogitLens:
    """Read every layer's stream as if it were the last one's.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        interventions: what the run is edited by; the last steps that read its streams are not.
        positions: the token positions to read; None is all of them.
        layers: the layers to read; None is all of the stack that answers.
        sublayers: "resid_pre", "resid_mid" (where the model has it), "resid_post".
        chosen: tokens to follow, as text (exactly one token) or id.
        k: how many of the likeliest tokens to keep.
        block_bytes: how many bytes of logits may exist at once.
        progress: told (rows · positions done, of how many) after each block.
        cancelled: asked before every block of the model; True raises `CancelledError`.

    Raises:
        MechwidgetError: a sublayer or layer that no model has, or no row at all.
        UnsupportedModelError: more than the last block's stream goes into the logits, there is no
            answer at each position, or a layer belongs to a stack that does not answer.
    """
    tokens = model.tokenize(prompt)
    columns = tuple(from_start(range(len(tokens)) if positions is None else positions, len(tokens)))
    sites = _sites(model, layers, sublayers)
    lens = _empty(model, tokens, sites, columns, tuple(map(model.token_id, chosen)), k)
    reader = Readout(model, tokens, block_bytes, cancelled)
    model.run(tokens, positions=[-1], cancelled=cancelled)  # a baseline to answer for the blocks
    last = reader.last
    run = model.run(tokens, interventions, [last], [0, -1], cancelled=cancelled)
    final = run.read[last][0]
    reader.prove(final[-1], run.logits[0, 1])
    done = 0
    stream_bytes = len(tokens) * final.shape[-1] * final.element_size()
    for rows in cut_to_fit(range(len(sites)), stream_bytes, _STREAM_BYTES):
        read = model.run(
            tokens, interventions, [sites[row] for row in rows], [-1], cancelled=cancelled
        ).read
        for block in cut(range(len(columns)), reader.at_once):
            where = [columns[column] for column in block]
            # Layers may be on several devices; the last steps are where the last one is.
            streams = [read[sites[row]][0, where].to(final.device) for row in rows]
            _fill(lens, reader, rows, block, streams, final[where])
            done += len(rows) * len(block)
            if progress is not None:
                progress(done, len(sites) * len(columns))
    return lens


def _sites(
    model: HookedModel, layers: Sequence[int] | None, sublayers: Sequence[str]
) -> tuple[Site, ...]:
    for name in sublayers:
        if name not in SUBLAYERS:
            raise MechwidgetError(f"{name!r} is no sublayer; expected some of {SUBLAYERS}.")
    readable = require_answers(model, "logit lens")
    wanted = readable if layers is None else sorted(set(layers))
    for layer in wanted:
        model.n_heads(layer)  # raises for a layer that does not exist
        if layer not in readable:
            raise UnsupportedModelError(
                f"Layer {layer} of {model.name} is of the {model.stack_of(layer).name}: its stream "
                "never meets the unembedding.",
                f"Layers {readable[0]} to {readable[-1]} do.",
            )
    order = [name for name in SUBLAYERS if name in sublayers]
    have = set(model.sites)
    sites = tuple(s for layer in wanted for name in order if (s := Site(name, layer)) in have)
    if not sites:
        raise MechwidgetError(
            "Nothing to read: this model has none of these sublayers in these layers.",
            'resid_mid exists only where the MLP reads it; "resid_post" exists in every layer.',
        )
    return sites


def _empty(
    model: HookedModel,
    tokens: Tokens,
    sites: tuple[Site, ...],
    columns: tuple[int, ...],
    chosen: tuple[int, ...],
    k: int,
) -> LogitLens:
    if k < 1:
        raise MechwidgetError(f"k is {k}; expected 1 or more.")
    shape, top = (len(sites), len(columns)), min(k, model.vocab_size)

    def numbers(*more: int) -> npt.NDArray[np.float32]:
        return np.full((*shape, *more), np.nan, dtype=np.float32)

    def whole(*more: int) -> npt.NDArray[np.int64]:
        return np.full((*shape, *more), -1, dtype=np.int64)

    return LogitLens(
        tokens=tokens,
        sites=sites,
        positions=columns,
        top_ids=whole(top),
        top_logits=numbers(top),
        top_probabilities=numbers(top),
        chosen=chosen,
        chosen_logits=numbers(len(chosen)),
        chosen_probabilities=numbers(len(chosen)),
        chosen_ranks=whole(len(chosen)),
        final_probabilities=numbers(),
        final_ranks=whole(),
        entropy=numbers(),
        kl=numbers(),
    )


def _fill(
    lens: LogitLens,
    reader: Readout,
    rows: Sequence[int],
    block: Sequence[int],
    streams: Sequence[torch.Tensor],
    final: torch.Tensor,
) -> None:
    """The numbers of some rows at one block of positions."""
    # One layer's resid_post is mostly the next one's resid_pre: each stream is read once.
    distinct: list[torch.Tensor] = [final]
    which = []
    for stream in streams:
        known = (i for i in (len(distinct) - 1, 0) if torch.equal(distinct[i], stream))
        index = next(known, len(distinct))
        if index == len(distinct):
            distinct.append(stream)
        which.append(index)
    columns = slice(block[0], block[-1] + 1)
    answer: torch.Tensor | None = None
    for part in cut(range(len(distinct)), reader.rows_at_once(len(block))):
        found = reader.logits(torch.stack([distinct[index] for index in part]))
        if answer is None:
            answer = found[0].log_softmax(-1)
        for logits, index in zip(found, part, strict=True):
            here = [row for row, at in zip(rows, which, strict=True) if at == index]
            if here:
                _write(lens, (here, columns), logits, answer)


def _write(
    lens: LogitLens,
    where: tuple[list[int], slice],
    logits: torch.Tensor,
    answer: torch.Tensor,
) -> None:
    """One stream's numbers: `logits[pos, vocab]` against the final `answer[pos, vocab]`."""
    log_p = logits.log_softmax(-1)
    p = log_p.exp()
    top = logits.topk(lens.top_ids.shape[-1], -1)
    chosen = torch.tensor(lens.chosen, dtype=torch.long, device=logits.device)
    final = answer.argmax(-1, keepdim=True)
    rows, columns = where
    for array, value in (
        (lens.top_ids, top.indices),
        (lens.top_logits, top.values),
        (lens.top_probabilities, p.gather(-1, top.indices)),
        (lens.chosen_logits, logits[:, chosen]),
        (lens.chosen_probabilities, p[:, chosen]),
        (lens.chosen_ranks, _ranks(logits, lens.chosen)),
        (lens.final_probabilities, p.gather(-1, final)[:, 0]),
        (lens.final_ranks, (logits > logits.gather(-1, final)).sum(-1) + 1),
        (lens.entropy, -_expected(p, log_p)),
        (lens.kl, _expected(answer.exp(), answer - log_p).clamp(min=0)),
    ):
        array[rows, columns] = value.cpu().numpy()


def _expected(p: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    # A token that the model masks with -inf has p = 0 and adds nothing (0 · log 0 = 0).
    return torch.where(p > 0, p * of, torch.zeros_like(p)).sum(-1)


def _ranks(logits: torch.Tensor, chosen: tuple[int, ...]) -> torch.Tensor:
    ranks = [(logits > logits[:, token, None]).sum(-1) + 1 for token in chosen]
    empty = torch.empty((len(logits), 0), dtype=torch.long, device=logits.device)
    return torch.stack(ranks, -1) if ranks else empty
