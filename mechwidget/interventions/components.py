"""Components: the parts of a model that a person points at.

They are frozen values: equal when they name the same part, usable as dictionary keys, and equal to
the code that a person would have typed. Each knows the site whose tensor holds its activation,
where in that tensor it is (`within`), and how to check that a model has it.

What its activation is, exactly; an intervention changes this and nothing else:

- `Head`: its slice of `z`, the input of the output projection. The head's value bias is in it; the
  projection's bias b_O belongs to no head.
- `Neuron`: its entry of `mlp_post`, the input of the down projection, whose bias is no neuron's.
- `ExpertNeuron`: its entry of `expert_post`, the input of its expert's down projection, for the
  tokens that were sent to that expert. The expert's bias and the router's weights are not in it.
- `Feature`: its activation, what its dictionary's encoder says of the site that it reads (see
  `feature`). The dictionary's biases and its error are no feature's.
- `Attention`, `MLP`: the whole write to the residual stream, biases included, after a post-norm
  where the model has one.
- `Residual`: the stream itself, and with it whatever the layers before have written to it.
- `Layer`: what its block adds to the stream.
- `Edge`: its entry of the pattern, after the softmax; the rest of the row is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from mechwidget.errors import ComponentError, InterventionError
from mechwidget.interventions.component import Component, Index, count
from mechwidget.interventions.feature import Feature
from mechwidget.interventions.fields import boolean, integer, one_of, whole_number
from mechwidget.models.sites import Site, crossing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.window import Window

_NAME_IT = (
    "Where a module returns z of shape [batch, pos, head, d_head], name it: "
    'mw.wrap(model, sites={"z": "blocks.{layer}.attn.hook_z"}).'
)


@dataclass(frozen=True, slots=True)
class Head(Component):
    """One attention head: its slice of `z`, the input of the output projection W_O.

    Attributes:
        cross: whether it is one that attends to another stack (`cross_z`).
    """

    kind = "head"
    site_name = "z"
    unit_field = "head"
    layer: int
    head: int
    positions: Sequence[int] | None = None
    cross: bool = False

    @property
    def site(self) -> Site:
        """The site whose tensor holds its z."""
        return Site(crossing("z", cross=self.cross), self.layer)

    def width(self, model: HookedModel) -> int:
        """The length of its z."""
        write = model.ledger.blocks[self.layer].write("cross" if self.cross else "attention")
        return 0 if write is None else write.width // model.n_heads(self.layer, cross=self.cross)

    def _check_unit(self, model: HookedModel) -> None:
        heads = model.n_heads(self.layer, cross=self.cross)
        if self.head >= heads:
            why = model.why_no_heads(self.layer, cross=self.cross)
            has = f"layer {self.layer} has {count(heads, 'head')}" if heads else why
            if heads and self.cross:
                has = f"{has} that attend to another stack"
            raise ComponentError(f"{self} does not exist: {has}.", "" if heads else _NAME_IT)


@dataclass(frozen=True, slots=True)
class Attention(Component):
    """The attention of one layer: everything that it writes to the residual stream.

    Attributes:
        cross: whether it is the one to another stack (`cross_attn_out`).
    """

    kind = "attention"
    site_name = "attn_out"
    layer: int
    positions: Sequence[int] | None = None
    cross: bool = False

    @property
    def site(self) -> Site:
        """The site whose tensor holds what it writes."""
        return Site(crossing("attn_out", cross=self.cross), self.layer)

    def _check_unit(self, model: HookedModel) -> None:
        if not model.has_attention(self.layer, cross=self.cross):
            to = " to another stack" if self.cross else ""
            raise ComponentError(f"{self} does not exist: layer {self.layer} has no attention{to}.")


@dataclass(frozen=True, slots=True)
class MLP(Component):
    """The MLP of one layer: everything that it writes to the residual stream."""

    kind = "mlp"
    site_name = "mlp_out"
    layer: int
    positions: Sequence[int] | None = None

    def _check_unit(self, model: HookedModel) -> None:
        if not model.has_mlp(self.layer):
            raise ComponentError(f"{self} does not exist: layer {self.layer} has no MLP.")


@dataclass(frozen=True, slots=True)
class Neuron(Component):
    """One MLP neuron: one input of the down projection (`mlp_post`)."""

    kind = "neuron"
    site_name = "mlp_post"
    unit_field = "index"
    layer: int
    index: int
    positions: Sequence[int] | None = None

    def width(self, model: HookedModel) -> int:  # noqa: ARG002 - what a component is asked
        """A neuron is one number per position."""
        return 0

    def _check_unit(self, model: HookedModel) -> None:
        neurons = model.n_neurons(self.layer)
        if self.index >= neurons:
            has = count(neurons, "neuron") if neurons else "no neurons of its own"
            experts = model.n_experts(self.layer)
            hint = f"ExpertNeuron({self.layer}, expert, index) names one of an expert."
            raise ComponentError(
                f"{self} does not exist: layer {self.layer} has {has}.", hint if experts else ""
            )


@dataclass(frozen=True, slots=True)
class ExpertNeuron(Component):
    """One neuron of one routed expert: one input of that expert's down projection.

    Its site `expert_post` is `[batch, pos, expert, neuron]`, 0 where the router sent the token to
    other experts: there the neuron does not exist, and nothing is changed. Which experts a token
    went to is in the site `experts`, `[batch, pos, slot]`, with the weights in `expert_weights`.

    Attributes:
        expert: which expert, from 0.
        index: which of its neurons.
    """

    kind = "expert_neuron"
    site_name = "expert_post"
    unit_field = "index"
    layer: int
    expert: int
    index: int
    positions: Sequence[int] | None = None

    def width(self, model: HookedModel) -> int:  # noqa: ARG002 - what a component is asked
        """A neuron is one number per position."""
        return 0

    def at(self, rows: list[int] | None) -> Index:
        """Where it is in `[batch, pos, expert, neuron]`."""
        return slice(None), slice(None) if rows is None else rows, self.expert, self.index

    @property
    def absent(self) -> str:
        """Why an edit of it may find nothing to change."""
        return f"no token there was sent to expert {self.expert}"

    def _check_unit(self, model: HookedModel) -> None:
        experts, neurons = model.n_experts(self.layer), model.n_expert_neurons(self.layer)
        if not experts:
            raise ComponentError(
                f"{self} does not exist: layer {self.layer} has no experts that go through "
                "transformers' ExpertsInterface.",
                f"Neuron({self.layer}, …) names the neurons of an ordinary MLP.",
            )
        if self.expert >= experts or self.index >= neurons:
            has = f"{count(experts, 'expert')} with {count(neurons, 'neuron')} each"
            raise ComponentError(f"{self} does not exist: layer {self.layer} has {has}.")

    def __str__(self) -> str:
        where = f" at {', '.join(map(str, self.positions))}" if self.positions else ""
        return f"neuron {self.index} of expert {self.layer}.{self.expert}{where}"

    def __post_init__(self) -> None:
        Component.__post_init__(self)
        object.__setattr__(self, "expert", whole_number(self.expert, "the expert"))


@dataclass(frozen=True, slots=True)
class Layer(Component):
    """One whole block: what it adds to the residual stream, `resid_post` - `resid_pre`."""

    kind = "layer"
    site_name = "resid_post"
    layer: int
    positions: Sequence[int] | None = None

    def _check_unit(self, model: HookedModel) -> None:
        """Every layer that exists has it."""


ENDS = {"pre": "before", "mid": "inside", "post": "after"}


@dataclass(frozen=True, slots=True)
class Residual(Component):
    """The residual stream at one layer.

    Attributes:
        end: "pre", what enters the block (`resid_pre`); "mid", between its attention and its MLP
            (`resid_mid`, where the model has it); "post", what leaves it (`resid_post`).
    """

    kind = "residual"
    site_name = "resid_pre"
    layer: int
    positions: Sequence[int] | None = None
    end: str = "pre"

    @property
    def site(self) -> Site:
        """The site whose tensor holds the stream there."""
        return Site(f"resid_{self.end}", self.layer)

    def _check_unit(self, model: HookedModel) -> None:
        if self.site not in model.sites:
            raise ComponentError(
                f"{self} does not exist: attention and MLP of layer {self.layer} do not follow "
                "each other as two plain sums.",
                f"Residual({self.layer}) is the stream before the layer.",
            )

    def __str__(self) -> str:
        where = f" at {', '.join(map(str, self.positions))}" if self.positions else ""
        return f"residual {ENDS[self.end]} layer {self.layer}{where}"

    def __post_init__(self) -> None:
        Component.__post_init__(self)
        one_of(self.end, "residual end", tuple(ENDS))


@dataclass(frozen=True, slots=True)
class Edge(Component):
    """One entry of one head's attention pattern: what flows to `query` from `key`.

    Attributes:
        query: the position that attends, a negative one from the end.
        key: the position that is attended to.
        cross: whether the head is one that attends to another stack (`cross_pattern`), whose
            positions are then those of the key: query 0 and key 0 are two different tokens.
    """

    kind = "edge"
    site_name = "pattern"
    layer: int
    head: int
    query: int
    key: int
    cross: bool = False

    @property
    def site(self) -> Site:
        """The site whose tensor holds its pattern."""
        return Site(crossing("pattern", cross=self.cross), self.layer)

    @property
    def positions(self) -> tuple[int, ...]:  # type: ignore[override]
        """The position that it changes."""
        return (self.query,)

    @property
    def unit(self) -> int:
        """Its head, the second axis of the pattern `[batch, head, query, key]`."""
        return self.head

    def width(self, model: HookedModel) -> int:  # noqa: ARG002 - what a component is asked
        """One number."""
        return 0

    def inside(self, window: Window) -> Self | None:
        """The same edge with its query counted from the window's start; keys count from 0."""
        query = window.place(self.query, self)
        key = self.key if self.cross else window.place(self.key, self)
        if query not in window or not (self.cross or key < window.stop):
            return None
        return replace(self, query=query - window.start, key=key)

    def within(self, n_positions: int) -> Index:
        """Where it is in the pattern of a prompt of so many tokens.

        A key in another stack stays as it is, and `require_in` checks it: only the pattern tells
        how many positions that stack has.
        """
        query = self.place(self.query, n_positions)
        key = self.key if self.cross else self.place(self.key, n_positions)
        return slice(None), self.head, query, key

    def require_in(self, held: torch.Tensor) -> None:
        """Raise `InterventionError` unless the pattern `[batch, head, query, key]` has its key."""
        keys = held.shape[-1]
        if not -keys <= self.key < keys:
            raise InterventionError(
                f"{self} names key {self.key}; the stack that is attended to reads "
                f"{count(keys, 'position')}.",
                "The key of a cross edge is a position of the encoder's prompt.",
            )

    def is_ahead(self, model: HookedModel, n_positions: int) -> bool:
        """Whether the key comes after the query, where no query sees a later key."""
        if self.cross or self.place(self.key, n_positions) <= self.place(self.query, n_positions):
            return False
        stacks = (stack for stack in model.ledger.stacks if self.layer in stack.layers)
        return any(stack.attends == "backwards" for stack in stacks)

    def _check_unit(self, model: HookedModel) -> None:
        check_pattern(self, self.head, model, cross=self.cross)

    def __str__(self) -> str:
        head = f"{self.layer}.{self.head} from {self.query} to {self.key}"
        return f"cross head {head} of the encoder" if self.cross else f"head {head}"

    def __post_init__(self) -> None:
        boolean(self.cross, "edge cross")
        for name in ("layer", "head"):
            object.__setattr__(self, name, whole_number(getattr(self, name), f"edge {name}"))
        for name in ("query", "key"):
            object.__setattr__(self, name, integer(getattr(self, name), f"edge {name}"))


AHEAD = "masked: the key comes after the query"


def check_pattern(
    component: Component, head: int, model: HookedModel, *, cross: bool = False
) -> None:
    """Raise `ComponentError` unless the layer has this head and a pattern that can be edited."""
    to = " to another stack" if cross else ""
    if Site(crossing("pattern", cross=cross), component.layer) not in model.sites:
        raise ComponentError(
            f"{component} does not exist: layer {component.layer} has no attention pattern{to}."
        )
    block = model.ledger.blocks[component.layer]
    attention = block.cross if cross else block.attention
    heads = 0 if attention is None else attention.heads
    if head >= heads:
        has = count(heads, "head") if heads else "no attention heads"
        raise ComponentError(f"{component} does not exist: layer {component.layer} has {has}{to}.")


# Those that hold an activation of their own at each position: what most interventions take.
SITED = (Head, Attention, MLP, Neuron, ExpertNeuron, Residual, Feature)
STREAM_WIDE = (Residual, Attention, MLP, Head)  # of them, those that hold a vector
KINDS: dict[str, type[Component]] = {kind.kind: kind for kind in (*SITED, Layer, Edge)}
