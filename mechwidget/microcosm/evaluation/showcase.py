"""The example prompts, measured: before and after one click, and a random click beside it."""

import torch
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from mechwidget.microcosm.evaluation.ablations import Roles
from mechwidget.microcosm.evaluation.heads import Head, all_heads, zero_ablated
from mechwidget.microcosm.examples import EXAMPLES, Example
from mechwidget.microcosm.tokenizer import SPACE, word_id


@torch.no_grad()
def next_word(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, prompt: str
) -> torch.Tensor:
    """The probabilities of the word that follows a prompt."""
    ids = torch.tensor([tokenizer(prompt)["input_ids"]])
    probabilities: torch.Tensor = model(ids).logits[0, -1].softmax(-1)
    return probabilities


def _says(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, example: Example, heads: list[Head]
) -> dict[str, float | str]:
    with zero_ablated(model, heads):
        chances = next_word(model, tokenizer, example.prompt)
    top = int(chances.argmax())
    word: str = tokenizer.convert_ids_to_tokens([top])[0]
    return {
        "answer": round(float(chances[word_id(tokenizer, example.answer)]), 4),
        "foil": round(float(chances[word_id(tokenizer, example.foil)]), 4),
        "top": word.removeprefix(SPACE),
    }


def showcase(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, roles: Roles
) -> dict[str, dict[str, object]]:
    """For every example what is said with all heads, and with those of a role zeroed.

    `weakest_head` is the single head whose loss costs the answer the most probability.
    """
    found: dict[str, dict[str, object]] = {}
    for name, example in EXAMPLES.items():
        alone = {h: _says(model, tokenizer, example, [h]) for h in all_heads(model)}
        weakest = min(alone, key=lambda head: float(alone[head]["answer"]))
        found[name] = {
            **example._asdict(),
            "baseline": _says(model, tokenizer, example, []),
            "without_previous_token_head": alone[roles.previous_token],
            "without_induction_heads": _says(model, tokenizer, example, list(roles.induction)),
            "without_other_heads": {
                str(head): said["answer"] for head, said in alone.items() if head not in roles.all()
            },
            "weakest_head": str(weakest),
            "without_weakest_head": alone[weakest],
        }
    return found
