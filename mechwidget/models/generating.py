"""`HookedModel.generate`: what is asked for, checked, as a `Generation` that has not begun.

In: a prompt, interventions and how to sample, as a person gives them. Out: a `Generation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError, UnsupportedModelError
from mechwidget.models.generation import Generation, Limits
from mechwidget.models.sampling import Sampling
from mechwidget.models.windowed import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mechwidget.models.edit import Intervention
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.prompts import Prompt
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.window import When


def generate(  # noqa: D417 - a method of `HookedModel`
    self: HookedModel,
    prompt_or_ids: Prompt,
    interventions: Sequence[Intervention] = (),
    max_new_tokens: int = 20,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    *,
    on: When | Sequence[When] = "both",
    beside_baseline: bool = False,
    stop_tokens: Iterable[str | int] | None = None,
    cache: bool = True,
    cancelled: Callable[[], bool] | None = None,
) -> Generation:
    """The tokens that follow a prompt, one by one, under interventions.

    Positions are absolute: 7 is the eighth token, given or generated; negative ones count from the
    end of the prompt. An intervention without positions acts on every token it may act on. What
    is taken position by position from another run (`Patch`, `Freeze`, resampling, a mean by
    position, a given pattern) acts on the prompt only. The prompt is not padded. The logits are
    the model's own: no repetition penalty or other processor of a generation config is applied.

    Args:
        prompt_or_ids: text, token ids, or `Tokens`.
        interventions: what to change, in this order.
        max_new_tokens: how many tokens at most.
        temperature: what logits are divided by before sampling; 0 takes the most likely token.
        top_p: the least probability that the tokens which are sampled from have together.
        seed: the same seed gives the same tokens.
        on: whether interventions act on "prompt" tokens, "generated" ones or "both"; one for all
            of them, or one for each.
        beside_baseline: also generate without interventions, as a second row of the same batch
            that shares the random numbers; each step then has its `baseline`.
        stop_tokens: what ends the text; None is what the model's own configuration says.
        cache: whether the model's own cache may be used; False computes the whole text for every
            token, as does a model whose cache does not give the same (`Generation.recomputes`).
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        PromptError: the prompt is empty, too long or outside the vocabulary.
        InterventionError: an intervention that means nothing here, or arguments out of range.
    """
    count = max_new_tokens
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise InterventionError(
            f"max_new_tokens is {max_new_tokens!r}; expected a whole number from 0 up."
        )
    stop = _stop_tokens(self) if stop_tokens is None else map(self.token_id, stop_tokens)
    tokens = self.tokenize(prompt_or_ids)
    _require_next_tokens(self, tokens)
    return Generation(
        self,
        self._bindings,
        tokens,
        timed(interventions, on, self, tokens),
        Sampling(temperature, top_p, seed),
        Limits(count, frozenset(stop), self.max_positions),
        beside_baseline=beside_baseline,
        cache=cache,
        cancelled=cancelled,
    )


def _require_next_tokens(model: HookedModel, tokens: Tokens) -> None:
    """Raise `UnsupportedModelError` unless the model predicts the token that follows."""
    main = next((stack for stack in model.stacks if stack.main), None)
    ahead = main is not None and main.attends != "backwards"
    if model.ledger.pooled or model.ledger.answer != "token" or ahead or not tokens.ids:
        raise UnsupportedModelError(
            f"{model.name} does not predict the next token of a text, so that it cannot generate.",
            "Generation needs a decoder with a language-model head.",
        )


def _stop_tokens(model: HookedModel) -> Iterable[int]:
    """The end-of-text tokens: those of the generation config, the config, or the tokenizer."""
    module: Any = model.model
    for holder in (
        getattr(module, "generation_config", None),
        getattr(module, "config", None),
        model.tokenizer,
    ):
        found = getattr(holder, "eos_token_id", None)
        if isinstance(found, int):
            return (found,)
        if isinstance(found, (list, tuple)) and found:
            return tuple(found)
    return ()
