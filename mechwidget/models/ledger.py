"""The ledger: what each block of a model writes to its residual stream, and through which module.

Found by tracing one forward pass, not by knowing architectures. A ledger holds names and
numbers only (no module, no tensor), so that it can be kept, compared and printed.

In: filled by `survey`. Out: read by `bindings`, which turns a site into a place to hook.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mechwidget.models.sites import Site

Kind = Literal["attention", "cross", "mlp", "bias", "other"]
Route = Literal["interface", "softmax", "hidden"]
Attends = Literal["both ways", "backwards"]
Layout = Literal["as it is", "heads first", "flat"]
Answer = Literal["token", "label", "hidden state"]


@dataclass(frozen=True, slots=True)
class Place:
    """One call of one module in a forward pass: its name, and its how-manieth call."""

    module: str
    nth: int = 0


@dataclass(frozen=True, slots=True)
class Write:
    """One thing that a block adds to the residual stream.

    Attributes:
        kind: "attention" when a softmax over positions ran to make it, "cross" when those were
            the positions of another stack, "mlp" when it was made
            position by position, "bias" when it is the same whatever the token and no module
            made it, else "other" (a recurrent or convolutional mixer). A last step without a
            linear map, such as a short convolution over positions, does not change the kind.
        at: the call whose output is written, a post-norm where there is one.
        projection: the linear map that it comes out of (W_O, the down projection): its input
            is `z` or `mlp_post`. None where there is no single one (experts).
        width: how many numbers per position go into `projection`.
        factor: what the output of `at` is multiplied by on its way to the stream.
        post_norm: whether `at` is a norm.
        entry: of an MLP, the call of the module that is the whole of it, whose input is `mlp_in`.
            None where its maps stand in the block itself.
    """

    kind: Kind
    at: Place | None
    projection: Place | None = None
    width: int = 0
    factor: float = 1.0
    post_norm: bool = False
    entry: Place | None = None


@dataclass(frozen=True, slots=True)
class Attention:
    """Where a block's attention pattern is made.

    Attributes:
        place: the module in which the softmax runs.
        route: "interface" (transformers' AttentionInterface) or "softmax" (tapped inside);
            "hidden" when its pattern cannot be looked at, because its keys are of more than its own
            stack or one fused function makes it: then there are heads, but no pattern site.
        heads: query heads; `key_value_heads`: the k and v heads that they share.
        sink: whether part of each row goes to no key, so that rows sum to less than 1.
    """

    place: Place
    route: Route
    heads: int
    key_value_heads: int
    sink: bool = False


@dataclass(frozen=True, slots=True)
class Experts:
    """The experts of a block, where they are on transformers' ExpertsInterface.

    Attributes:
        place: the module that sends tokens through them.
        experts: how many there are; `neurons`: how many each of them has.
    """

    place: Place
    experts: int
    neurons: int


@dataclass(frozen=True, slots=True)
class Block:
    """One block: stream in, stream out, and what it writes in between.

    Attributes:
        place: the block's module.
        writes: in the order in which they are made.
        additive: out = in + the writes, checked on numbers.
        sequential: the MLP reads the stream after the attention's write (`resid_mid` exists).
        attention: where its pattern is made, when it has one.
        cross: the same for its attention to another stack.
        experts: the experts whose neurons can be told apart, when it has some.
        norms: its norms over the width of the stream, in the order in which they run.
    """

    place: Place
    writes: tuple[Write, ...]
    additive: bool
    sequential: bool
    attention: Attention | None
    cross: Attention | None = None
    experts: Experts | None = None
    norms: tuple[Place, ...] = ()

    def write(self, kind: Kind) -> Write | None:
        """The block's one write of this kind; None when there is none, or several."""
        found = [write for write in self.writes if write.kind == kind]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Named:
    """A site that is what a module returns because somebody said so (see `naming`).

    Attributes:
        site: which.
        place: the call that returns it.
        width: how many numbers there are per position; 0 of scores and patterns.
        heads: how many heads there are in it; 0 of what has none.
        layout: "as it is" has its site's shape; "heads first" is `[batch, head, pos, d_head]`;
            "flat" is `[batch, pos, head · d_head]`.
    """

    site: Site
    place: Place
    width: int
    heads: int = 0
    layout: Layout = "as it is"


@dataclass(frozen=True, slots=True)
class Stack:
    """Blocks that pass one stream on, over positions of their own.

    Attributes:
        name: "encoder" or "decoder"; "text", "image" or "sound" where two are compared.
        first: its first layer; layers are numbered through the whole model, as they run.
        n_layers: how many it has.
        attends: "backwards" when no position hears of a later one, else "both ways".
        d_model: the width of its stream.
        main: whether the answers are at its positions.
        crosses: the name of the stack that it attends to besides itself; "" for none.
    """

    name: str
    first: int
    n_layers: int
    attends: Attends
    d_model: int
    main: bool = True
    crosses: str = ""

    @property
    def layers(self) -> range:
        """The numbers of its layers."""
        return range(self.first, self.first + self.n_layers)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a traced forward pass proved about a model.

    Attributes:
        blocks: of every stack, in the order in which they run.
        embed: what turns the main stack's ids into vectors.
        unembed: the linear map that the logits come out of.
        final_norm: the norm before it.
        d_model: the width of the main stack's stream.
        vocab_size: how many logits there are.
        stacks: in the order in which they run.
        n_tokens: how many token ids there are.
        answer: what a logit is about: a token or a label at each position, one "label" per prompt
            (`pooled`), or nothing: without a head, the hidden state stands in for logits.
        pooled: whether there is one answer per prompt.
        outside: how often attention ran in no block: in a pooling head, on a coarser stream.
        named: sites that somebody named.
        coupled: whether what comes out at one row or position depends on the others in the same
            call, as it does with dynamic int8.
    """

    blocks: tuple[Block, ...]
    embed: Place | None
    unembed: Place | None
    final_norm: Place | None
    d_model: int
    vocab_size: int
    stacks: tuple[Stack, ...] = ()
    n_tokens: int = 0
    answer: Answer = "token"
    pooled: bool = False
    outside: int = 0
    named: tuple[Named, ...] = ()
    coupled: bool = False
