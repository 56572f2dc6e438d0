"""A model with named sites: what exists in it, and one forward pass under interventions.

In: a module, its tokenizer and its ledger. Out: facts about the model, `Tokens`, and `Run`s.
The module itself is never changed (see `twin`). What is kept between runs is the baselines of the
last prompts, within a budget, for as long as the weights are the same (see `baselines`).
"""

from __future__ import annotations

from functools import cached_property
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
from mechwidget.models.facts import input_device, notes_of, why_no_heads
from mechwidget.models.forward_source import ForwardSource
from mechwidget.models.generating import generate
from mechwidget.models.gradients import gradients
from mechwidget.models.held import Held
from mechwidget.models.hooks import hook_cancel, hook_positions, hook_sites
from mechwidget.models.locks import lock_of
from mechwidget.models.other_runs import read_sources
from mechwidget.models.planner import Planner
from mechwidget.models.positions import Positions
from mechwidget.models.prompts import Prompt, check_tokens, from_start
from mechwidget.models.run import ReadOut, Run
from mechwidget.models.sites import (
    Site,
    SiteLike,
    missing_site,
    names_one_site,
    resolve_sites,
)
from mechwidget.models.source_vocabulary import SourceVocabulary
from mechwidget.models.taps import tap_attention
from mechwidget.models.traffic import Traffic, edits_of, in_order
from mechwidget.models.twin import make_twin, without_gradients
from mechwidget.models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mechwidget.models.edit import Intervention
    from mechwidget.models.ledger import Block, Ledger, Stack
    from mechwidget.models.planner import Forward
    from mechwidget.models.replay import Splice
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
        self.held = Held(self.baselines.budget)
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

    def n_heads(self, layer: int, *, cross: bool = False) -> int:
        """The number of attention heads of a layer; 0 where it has none that can be told apart.

        `cross`: those that attend to another stack.
        """
        return heads_of(self._block(layer), cross=cross)

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

    def has_attention(self, layer: int, *, cross: bool = False) -> bool:
        """Whether the layer has attention whose write to the stream can be edited."""
        return Site("cross_attn_out" if cross else "attn_out", layer) in self._bindings

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
        tokens = self._positions.named(self.source.tokens(prompt))
        for part in (tokens, tokens.encoder):
            if part is not None:
                check_tokens(part, self.ledger.n_tokens or self.vocab_size, self.max_positions)
        return tokens

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
        """
        tokens = self.tokenize(prompt_or_ids)
        traffic = self._traffic(tokens, interventions, read)
        keep = self._kept(tokens, positions)
        with self.lock:
            read_sources(self, [traffic], tokens, cancelled, replay=replay)
            forward = self._forward_of(tokens, cancelled)
            logits, explicit, plan = self._planner.run(
                forward, tokens, traffic, keep, replay=replay
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
    ) -> Rows:
        """Many variants of one prompt, as rows of as few batches as fit into the budget.

        Args:
            prompt_or_ids: text, token ids, or `Tokens`.
            variants: the interventions of each; they change nothing in the others.
            read: sites whose activations to keep, in every variant.
            positions: the token positions whose logits to compute; None is all of them.
            cancelled: asked before every block; True raises `CancelledError`.
        """
        with self.lock:
            batches = self._batches(prompt_or_ids, variants, read, positions, cancelled)
            read_sources(self, batches.variants, batches.tokens, cancelled)
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
    gradients = gradients

    def _batches(
        self,
        prompt_or_ids: Prompt,
        variants: Sequence[Sequence[Intervention]],
        read: Iterable[SiteLike],
        positions: Sequence[int] | None,
        cancelled: Callable[[], bool] | None,
    ) -> Batches:
        tokens = self.tokenize(prompt_or_ids)
        asked = read if names_one_site(read) else tuple(read)
        traffics = tuple(self._traffic(tokens, each, asked) for each in variants)
        keep = self._kept(tokens, positions)
        forward = self._forward_of(tokens, cancelled)
        return Batches(self._planner, forward, tokens, traffics, keep, self.device)

    def _forward_of(
        self, tokens: Tokens, cancelled: Callable[[], bool] | None, *, gradients: bool = False
    ) -> Forward:
        def forward(
            traffic: Traffic, keep: Sequence[int] | None, splice: Splice | None
        ) -> tuple[torch.Tensor, bool]:
            return self._forward(tokens, traffic, keep, cancelled, splice, gradients=gradients)

        return forward

    @cached_property
    def _planner(self) -> Planner:
        switches = switch_attention(make_twin(self.model))
        return Planner(self.ledger, self._bindings, self.baselines, switches)

    def _traffic(
        self, tokens: Tokens, interventions: Sequence[Intervention], read: Iterable[SiteLike]
    ) -> Traffic:
        """What a run is to edit and read, checked against what this model has."""
        asked: Any = (read,) if names_one_site(read) else read
        traffic = Traffic(
            in_order(edits_of(one, self, self._length_for(one, tokens)) for one in interventions),
            frozenset(site for like in asked for site in resolve_sites(like, self._bindings)),
            (1, len(tokens)),
        )
        for site in traffic.sites - self._bindings.keys():
            raise missing_site(site, self.sites)
        return traffic

    def _length_for(self, intervention: Any, tokens: Tokens) -> int:
        """How many positions there are where an intervention works."""
        layer = getattr(getattr(intervention, "target", None), "layer", None)
        if isinstance(layer, int) and 0 <= layer < self.n_layers:
            return self.n_positions(tokens, layer)
        return len(tokens)

    def _kept(self, tokens: Tokens, positions: Sequence[int] | None) -> list[int] | None:
        """The positions whose logits to compute; a model with one answer per prompt has one."""
        if self.ledger.pooled:
            return from_start([0] if positions is None else positions, 1)
        return None if positions is None else from_start(positions, len(tokens))

    def _forward(
        self,
        tokens: Tokens,
        traffic: Traffic,
        keep: Sequence[int] | None,
        cancelled: Callable[[], bool] | None,
        splice: Splice | None,
        *,
        gradients: bool = False,
    ) -> tuple[torch.Tensor, bool]:
        """The one place where a run calls the model."""
        if cancelled is not None and cancelled():
            raise CancelledError("The run was cancelled.")
        twin = make_twin(self.model)
        if gradients:
            without_gradients(twin)
        if splice is not None:
            splice.onto(twin, self.ledger)
        explicit = tap_attention(twin, self._bindings, self.ledger, traffic)
        hook_sites(twin, self._bindings, self.ledger, traffic)
        if cancelled is not None:
            hook_cancel(twin, self.ledger, cancelled)
        unembed = None if self.ledger.coupled else self.ledger.unembed
        if keep is not None and unembed is not None:
            hook_positions(twin, unembed, keep)
        rows = traffic.shape[0]
        logits = call_model(self.source, twin, tokens, rows, gradients=gradients)
        if keep is not None and (unembed is None or logits.shape[1] != len(keep)):
            logits = logits[:, list(keep)]
        return traffic.pass_on(Site("logits"), logits), explicit
