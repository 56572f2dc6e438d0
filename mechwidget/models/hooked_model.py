"""A model with named sites: what exists in it, and one forward pass under interventions.

In: a module, its tokenizer and its ledger. Out: facts about the model, `Tokens`, and `Run`s.
The module itself is never changed (see `twin`). What is kept between runs is the baselines of the
last prompts, within a budget, for as long as the weights are the same (see `baselines`).
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mechwidget.errors import CancelledError, ComponentError
from mechwidget.models.attention import switch_attention
from mechwidget.models.baselines import Baselines
from mechwidget.models.batches import Batches
from mechwidget.models.bindings import Binding, bind, heads_of
from mechwidget.models.budget import Budget
from mechwidget.models.calling import call_model
from mechwidget.models.facts import input_device, notes_of, position_limit
from mechwidget.models.hooks import hook_cancel, hook_positions, hook_sites
from mechwidget.models.locks import lock_of
from mechwidget.models.past import Past, past_of
from mechwidget.models.planner import Planner
from mechwidget.models.prompts import Prompt, from_start, tokens_of
from mechwidget.models.reading import n_bytes_of, require_room
from mechwidget.models.run import ReadOut, Run
from mechwidget.models.sites import (
    Site,
    SiteLike,
    missing_site,
    names_one_site,
    resolve_sites,
)
from mechwidget.models.sources import read_sources
from mechwidget.models.taps import tap_attention
from mechwidget.models.traffic import Traffic, edits_of, in_order, touched_by
from mechwidget.models.twin import make_twin
from mechwidget.models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mechwidget.models.edit import Intervention
    from mechwidget.models.ledger import Block, Ledger
    from mechwidget.models.planner import Forward
    from mechwidget.models.replay import Splice
    from mechwidget.models.rows import Rows
    from mechwidget.models.tokens import Tokens


class HookedModel:
    """A decoder language model whose activations can be read and edited by name.

    Made by `mechwidget.load` and `mechwidget.wrap`.
    """

    def __init__(self, model: nn.Module, tokenizer: Any, name: str, ledger: Ledger) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.ledger = ledger
        self.lock = lock_of(model)
        self.max_positions = position_limit(model)
        self.notes = notes_of(ledger)
        self._bindings: dict[Site, Binding] = bind(ledger)
        self.baselines = Baselines(model, Budget())
        self._vocabulary = Vocabulary(tokenizer, ledger.vocab_size)

    def __repr__(self) -> str:
        return (
            f"HookedModel({self.name!r}: {self.n_layers} layers, d_model {self.d_model}, "
            f"vocabulary {self.vocab_size:,}, {self.dtype} on {self.device})"
        )

    @property
    def n_layers(self) -> int:
        """The number of blocks."""
        return len(self.ledger.blocks)

    @property
    def d_model(self) -> int:
        """The width of the residual stream."""
        return self.ledger.d_model

    @property
    def vocab_size(self) -> int:
        """The number of logits."""
        return self.ledger.vocab_size

    @property
    def device(self) -> torch.device:
        """Where token ids go in."""
        return input_device(self.model)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the first floating-point parameter."""
        floats = (p.dtype for p in self.model.parameters() if p.is_floating_point())
        return next(floats, torch.get_default_dtype())

    @property
    def sites(self) -> tuple[Site, ...]:
        """Every site that this model has."""
        return tuple(self._bindings)

    def n_heads(self, layer: int) -> int:
        """The number of attention heads of a layer; 0 where it has none that can be told apart."""
        return heads_of(self._block(layer))

    def n_key_value_heads(self, layer: int) -> int:
        """The number of key/value heads of a layer, fewer than its heads where they share."""
        block = self._block(layer)
        return 0 if block.attention is None else block.attention.key_value_heads

    def n_neurons(self, layer: int) -> int:
        """The number of MLP neurons of a layer; 0 where there is no single down projection."""
        write = self._block(layer).write("mlp")
        return 0 if write is None else write.width

    def has_attention(self, layer: int) -> bool:
        """Whether the layer has attention whose write to the stream can be edited."""
        return Site("attn_out", layer) in self._bindings

    def has_mlp(self, layer: int) -> bool:
        """Whether the layer has an MLP whose write to the stream can be edited."""
        return Site("mlp_out", layer) in self._bindings

    def _block(self, layer: int) -> Block:
        if not 0 <= layer < self.n_layers:
            raise ComponentError(
                f"There is no layer {layer}: {self.name} has {self.n_layers} (0 to "
                f"{self.n_layers - 1})."
            )
        return self.ledger.blocks[layer]

    def check(self, component: Any) -> None:
        """Raise `ComponentError`, naming what exists, unless the model has this component."""
        component.check(self)

    def tokenize(self, prompt: Prompt) -> Tokens:
        """The tokens of a prompt, with the tokenizer's own special tokens; `PromptError` if bad."""
        return tokens_of(prompt, self._vocabulary, self.max_positions)

    def token_id(self, text: str | int) -> int:
        """The one token that `text` is; `TokenError` naming the pieces when it is several."""
        return self._vocabulary.one_token(text)

    def token_text(self, token_id: int) -> str:
        """What a token stands for, as the model sees it: leading space kept."""
        return self._vocabulary.text(self._vocabulary.one_token(token_id))

    def run(
        self,
        prompt_or_ids: Prompt,
        interventions: Sequence[Intervention] = (),
        read: Iterable[SiteLike] = (),
        positions: Sequence[int] | None = None,
        *,
        cancelled: Callable[[], bool] | None = None,
        replay: bool = True,
        read_positions: Sequence[int] | None = None,
        max_bytes: int | None = None,
    ) -> Run:
        """One forward pass, or as much of one as the baseline of the prompt leaves to compute.

        Args:
            prompt_or_ids: text, token ids, or `Tokens`.
            interventions: what to change, in this order.
            read: sites whose activations to keep; `"pattern"` means in every layer.
            positions: the token positions whose logits to compute; None is all of them.
            cancelled: asked before every block; True raises `CancelledError`.
            replay: whether blocks before the first edit may be taken from a remembered run
                without interventions, bit for bit the same; False computes every block.
            read_positions: the token positions whose activations to keep, in this order; None is
                all. `[batch, pos, …]` of a site then has these positions, patterns and scores
                `[batch, head, query, key]` these queries, with all keys. Others are never copied.
            max_bytes: what the activations may take; None is half of what is free. More raises
                `ReadTooLargeError`, with the number, before anything is computed.
        """
        tokens = self.tokenize(prompt_or_ids)
        traffic = self._traffic(tokens, interventions, read, read_positions)
        self._require_room([traffic], tokens, positions, max_bytes)
        keep = None if positions is None else from_start(positions, len(tokens))
        with self.lock:
            read_sources(self, [traffic], tokens, cancelled, replay=replay)
            forward = self._forward_of(tokens, cancelled)
            logits, explicit, plan = self._planner.run(
                forward, tokens, traffic, keep, replay=replay, past=partial(self._past, tokens)
            )
        fired = traffic.fired()
        return Run(
            logits=logits,
            positions=tuple(range(len(tokens)) if keep is None else keep),
            tokens=tokens,
            read=ReadOut(traffic.take()),
            fired=fired,
            attention="explicit" if explicit else "own",
            plan=plan,
        )

    def run_rows(
        self,
        prompt_or_ids: Prompt,
        variants: Sequence[Sequence[Intervention]],
        read: Iterable[SiteLike] = (),
        positions: Sequence[int] | None = None,
        *,
        cancelled: Callable[[], bool] | None = None,
        replay: bool = True,
        read_positions: Sequence[int] | None = None,
        max_bytes: int | None = None,
    ) -> Rows:
        """Many variants of one prompt, as rows of as few batches as fit into the budget.

        Args:
            prompt_or_ids: text, token ids, or `Tokens`.
            variants: the interventions of each; they change nothing in the others.
            read: sites whose activations to keep, in every variant.
            positions: the token positions whose logits to compute; None is all of them.
            cancelled: asked before every block; True raises `CancelledError`.
            replay: whether blocks may be taken from a remembered run, and computed once for rows
                that do not differ yet; False computes every block of every row.
            read_positions: the token positions whose activations to keep; None is all.
            max_bytes: what the activations of all variants may take; see `run`.
        """
        with self.lock:
            batches = self._batches(
                prompt_or_ids,
                variants,
                read,
                positions,
                cancelled,
                replay=replay,
                read_positions=read_positions,
            )
            self._require_room(batches.variants, batches.tokens, positions, max_bytes)
            read_sources(self, batches.variants, batches.tokens, cancelled, replay=replay)
            return batches.run()

    def row_groups(
        self,
        prompt_or_ids: Prompt,
        variants: Sequence[Sequence[Intervention]],
        positions: Sequence[int] | None = None,
    ) -> tuple[tuple[int, ...], ...]:
        """Which variants `run_rows` would run together; give it one group for results in parts."""
        with self.lock:
            return self._batches(prompt_or_ids, variants, (), positions, None).groups()

    def _batches(
        self,
        prompt_or_ids: Prompt,
        variants: Sequence[Sequence[Intervention]],
        read: Iterable[SiteLike],
        positions: Sequence[int] | None,
        cancelled: Callable[[], bool] | None,
        *,
        replay: bool = True,
        read_positions: Sequence[int] | None = None,
    ) -> Batches:
        tokens = self.tokenize(prompt_or_ids)
        asked = read if names_one_site(read) else tuple(read)
        traffics = tuple(self._traffic(tokens, each, asked, read_positions) for each in variants)
        keep = None if positions is None else from_start(positions, len(tokens))
        forward = self._forward_of(tokens, cancelled)
        return Batches(self._planner, forward, tokens, traffics, keep, self.device, replay)

    def _forward_of(self, tokens: Tokens, cancelled: Callable[[], bool] | None) -> Forward:
        def forward(
            traffic: Traffic, keep: Sequence[int] | None, splice: Splice | None
        ) -> tuple[torch.Tensor, bool]:
            return self._forward(tokens, traffic, keep, cancelled, splice)

        return forward

    @cached_property
    def _planner(self) -> Planner:
        switches = switch_attention(make_twin(self.model))
        return Planner(self.ledger, self._bindings, self.baselines, switches)

    def _require_room(
        self,
        traffics: Sequence[Traffic],
        tokens: Tokens,
        positions: Sequence[int] | None,
        max_bytes: int | None,
    ) -> None:
        """Raise `ReadTooLargeError` when what is to be read would take more than it may."""
        if not traffics or not traffics[0].reads:
            return
        reads, at, n = traffics[0].reads, traffics[0].read_at, len(tokens)
        looked_at = n if positions is None else len(positions)
        read_at = n if at is None else len(at)
        one = n_bytes_of(self.ledger, reads, n, read_at, looked_at, self.dtype.itemsize)
        most = self.baselines.budget.to_read(self.device) if max_bytes is None else max_bytes
        require_room(one * len(traffics), most, reads, n)

    def _traffic(
        self,
        tokens: Tokens,
        interventions: Sequence[Intervention],
        read: Iterable[SiteLike],
        read_positions: Sequence[int] | None = None,
    ) -> Traffic:
        """What a run is to edit and read, checked against what this model has."""
        asked: Any = (read,) if names_one_site(read) else read
        traffic = Traffic(
            in_order(edits_of(one, self, len(tokens)) for one in interventions),
            frozenset(site for like in asked for site in resolve_sites(like, self._bindings)),
            (1, len(tokens)),
            touched=touched_by(interventions, len(tokens)),
            read_at=None if read_positions is None else from_start(read_positions, len(tokens)),
        )
        for site in traffic.sites - self._bindings.keys():
            raise missing_site(site, self.sites)
        return traffic

    def _past(self, tokens: Tokens, length: int) -> Past | None:
        """What the model's own cache holds of the first positions of a prompt."""
        return past_of(make_twin(self.model), tokens.tensor(self.device)[:, :length])

    def _forward(
        self,
        tokens: Tokens,
        traffic: Traffic,
        keep: Sequence[int] | None,
        cancelled: Callable[[], bool] | None,
        splice: Splice | None,
    ) -> tuple[torch.Tensor, bool]:
        """The one place where a run calls the model."""
        if cancelled is not None and cancelled():
            raise CancelledError("The run was cancelled.")
        twin = make_twin(self.model)
        ids = tokens.tensor(self.device).repeat(traffic.rows_given, 1)
        if splice is not None:
            splice.onto(twin, self.ledger)
        explicit = tap_attention(twin, self._bindings, self.ledger, traffic)
        hook_sites(twin, self._bindings, self.ledger, traffic)
        if cancelled is not None:
            hook_cancel(twin, self.ledger, cancelled)
        if keep is not None and traffic.past is not None:
            keep = [position - traffic.past.length for position in keep]
        if keep is not None and self.ledger.unembed is not None:
            hook_positions(twin, self.ledger.unembed, keep)
        past = traffic.past
        logits = call_model(twin, ids) if past is None else past.logits_after(twin, ids)
        if keep is not None and logits.shape[1] != len(keep):
            logits = logits[:, list(keep)]
        return traffic.pass_on(Site("logits"), logits), explicit
