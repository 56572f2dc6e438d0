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

from mechwidget.errors import ComponentError
from mechwidget.models.attention import switch_attention
from mechwidget.models.baselines import Baselines
from mechwidget.models.batches import Batches
from mechwidget.models.bindings import Binding, bind, heads_of
from mechwidget.models.budget import Budget
from mechwidget.models.caching import caches
from mechwidget.models.extent import Extent
from mechwidget.models.facts import input_device, notes_of, why_no_heads
from mechwidget.models.forward_pass import ForwardPass
from mechwidget.models.forward_source import ForwardSource
from mechwidget.models.generating import generate
from mechwidget.models.gradients import gradients
from mechwidget.models.held import Held
from mechwidget.models.locks import lock_of
from mechwidget.models.other_runs import read_sources
from mechwidget.models.past import past_of
from mechwidget.models.planner import Planner
from mechwidget.models.positions import Positions
from mechwidget.models.prompts import Prompt, check_tokens, from_start
from mechwidget.models.raw_signal import unwrapped
from mechwidget.models.reach import Reach
from mechwidget.models.reading import check_reads
from mechwidget.models.run import ReadOut, Run
from mechwidget.models.side_by_side import read_side_by_side
from mechwidget.models.sites import (
    Site,
    SiteLike,
    crossing,
    missing_site,
    names_one_site,
    resolve_sites,
)
from mechwidget.models.source_vocabulary import SourceVocabulary
from mechwidget.models.traffic import Traffic, edits_of, in_order, touched_by
from mechwidget.models.twin import make_twin
from mechwidget.models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mechwidget.models.edit import Intervention
    from mechwidget.models.ledger import Block, Ledger, Stack
    from mechwidget.models.planner import Forward
    from mechwidget.models.rows import Rows
    from mechwidget.models.source import Source
    from mechwidget.models.tokens import Tokens


class HookedModel:
    """A transformer whose activations can be read and edited by name.

    Made by `mechwidget.load` and `mechwidget.wrap`.
    """

    def __init__(
        self, model: nn.Module, tokenizer: Any, name: str, ledger: Ledger, source: Source
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.ledger = ledger
        self.source = source
        self.loaded_from = ""  # the name or folder that `load` took it from; "" for one in memory
        self.lock = lock_of(model)
        self.max_positions = source.max_positions
        self.notes = notes_of(ledger)
        self._bindings: dict[Site, Binding] = bind(ledger)
        self.baselines = Baselines(model, Budget())
        self.held = Held(self.baselines)
        self._vocabulary = (
            Vocabulary(tokenizer, ledger.vocab_size)
            if isinstance(source, ForwardSource)
            else SourceVocabulary(source, ledger.vocab_size)
        )
        self._positions = Positions(model, source, ledger)

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

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """Its stacks of blocks, in the order in which they run: most models have one."""
        return self.ledger.stacks

    def stack_of(self, layer: int) -> Stack:
        """The stack that a layer belongs to."""
        self._block(layer)
        return next(stack for stack in self.stacks if layer in stack.layers)

    def n_positions(self, tokens: Tokens, layer: int) -> int:
        """How many positions a prompt has in the stack that a layer belongs to."""
        part = tokens if self.stack_of(layer).main else tokens.encoder
        return 0 if part is None else len(part)

    def n_positions_for(self, intervention: Any, tokens: Tokens) -> int:
        """How many positions a prompt has where an intervention works, for its `edits`."""
        layer = getattr(getattr(intervention, "target", None), "layer", None)
        if isinstance(layer, int) and 0 <= layer < self.n_layers:
            return self.n_positions(tokens, layer)
        return len(tokens)  # of several layers, or of one that its edits will refuse

    def n_heads(self, layer: int, *, cross: bool = False) -> int:
        """The number of attention heads of a layer; 0 where it has none that can be told apart.

        `cross`: those that attend to another stack.
        """
        return heads_of(self._block(layer), cross=cross)

    @property
    def most_heads(self) -> int:
        """The number of heads of the layer that has the most."""
        return max(map(self.n_heads, range(self.n_layers)), default=0)

    def why_no_heads(self, layer: int, *, cross: bool = False) -> str:
        """Why no head of a layer can be chosen, where that is so."""
        return why_no_heads(layer, self._block(layer), cross=cross)

    def n_key_value_heads(self, layer: int, *, cross: bool = False) -> int:
        """The number of key/value heads of a layer, fewer than its heads where they share."""
        block = self._block(layer)
        attention = block.cross if cross else block.attention
        return 0 if attention is None else attention.key_value_heads

    def n_neurons(self, layer: int) -> int:
        """The number of MLP neurons of a layer; 0 where there is no single down projection."""
        write = self._block(layer).write("mlp")
        return 0 if write is None else write.width

    def n_experts(self, layer: int) -> int:
        """The number of routed experts of a layer whose neurons can be told apart, else 0."""
        experts = self._block(layer).experts
        return 0 if experts is None else experts.experts

    def n_expert_neurons(self, layer: int) -> int:
        """The number of neurons of each of those experts."""
        experts = self._block(layer).experts
        return 0 if experts is None else experts.neurons

    def has_attention(self, layer: int, *, cross: bool = False) -> bool:
        """Whether the layer has attention whose write to the stream can be edited."""
        return Site(crossing("attn_out", cross=cross), layer) in self._bindings

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
        tokens = self.source.tokens(unwrapped(prompt))
        for part in (tokens, tokens.encoder):
            if part is not None:
                check_tokens(part, self.ledger.n_tokens or self.vocab_size, self.max_positions)
        return self._positions.named(tokens)

    def token_id(self, text: str | int) -> int:
        """The one token that `text` is; `TokenError` naming the pieces when it is several."""
        return self._vocabulary.one_token(text)

    def token_text(self, token_id: int) -> str:
        """What a token stands for, as the model sees it: leading space kept."""
        return self._vocabulary.text(self._vocabulary.one_token(token_id))

    @property
    def vocabulary(self) -> Vocabulary:
        """Every token: texts, pieces of a text, and a search."""
        return self._vocabulary

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
            prompt_or_ids: text, token ids, or `Tokens`; a tensor, an array or an image for a
                model that reads pixels or sound; `Inputs` for one with two stacks.
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
        keep = self._kept(tokens, positions)
        traffic = self._traffic(tokens, interventions, read, keep, read_positions)
        check_reads(self, [traffic], tokens, positions, max_bytes)
        with self.lock:
            read_sources(self, [traffic], tokens, cancelled, replay=replay)
            forward = self._forward_of(tokens, cancelled)
            logits, explicit, plan = self._planner.run(
                forward, tokens, traffic, keep, replay=replay, past=partial(past_of, self, tokens)
            )
            unmoved = self._planner.is_baseline(forward, tokens, traffic, keep, logits)
        fired = traffic.fired(unmoved=unmoved)
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
            check_reads(self, batches.variants, batches.tokens, positions, max_bytes)
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

    generate = generate
    caches = caches
    gradients = gradients
    read_side_by_side = read_side_by_side

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
        keep = self._kept(tokens, positions)
        traffics = tuple(
            self._traffic(tokens, each, asked, keep, read_positions) for each in variants
        )
        forward = self._forward_of(tokens, cancelled)
        return Batches(self._planner, forward, tokens, traffics, keep, self.device, replay)

    def _forward_of(
        self, tokens: Tokens, cancelled: Callable[[], bool] | None, *, gradients: bool = False
    ) -> Forward:
        call = ForwardPass(self.model, self.source, self.ledger, self._bindings)
        return call.of(tokens, cancelled, gradients=gradients)

    @cached_property
    def _planner(self) -> Planner:
        switches = switch_attention(make_twin(self.model))
        extent = Extent(self.ledger, self._bindings, switches)
        return Planner(self.ledger, extent, self.baselines)

    def _traffic(
        self,
        tokens: Tokens,
        interventions: Sequence[Intervention],
        read: Iterable[SiteLike],
        keep: Sequence[int] | None,
        read_positions: Sequence[int] | None = None,
    ) -> Traffic:
        """What a run is to edit and read, checked against what this model has."""
        asked: Any = (read,) if names_one_site(read) else read
        traffic = Traffic(
            in_order(
                edits_of(one, self, self.n_positions_for(one, tokens)) for one in interventions
            ),
            frozenset(site for like in asked for site in resolve_sites(like, self._bindings)),
            (1, len(tokens)),
            touched=touched_by(interventions, len(tokens)) if len(self.stacks) == 1 else None,
            read_at=None if read_positions is None else from_start(read_positions, len(tokens)),
            reach=Reach(self.ledger, range(len(tokens)) if keep is None else keep),
        )
        for site in traffic.sites - self._bindings.keys():
            raise missing_site(site, self.sites)
        return traffic

    def _kept(self, tokens: Tokens, positions: Sequence[int] | None) -> list[int] | None:
        """The positions whose logits to compute; a model with one answer per prompt has one."""
        if self.ledger.pooled:
            return from_start([0] if positions is None else positions, 1)
        return None if positions is None else from_start(positions, len(tokens))
