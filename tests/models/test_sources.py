"""Modules that never heard of Hugging Face: the user says how they are called, and their tokens."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest
import torch
from torch import nn

import mechwidget as mw
from mechwidget.errors import PromptError, TokenError, UnsupportedModelError
from tests.models.state import state_of
from tests.models.toys import CharacterModel, Characters, EinsumTransformer
from tests.models.zoo.build import zero_head_weights

TEXT = "the cat sat."
WORDS = Characters()


def causal(length: int) -> torch.Tensor:
    return torch.ones(length, length, dtype=torch.bool).tril()


class CharacterSource:
    """Written out by hand, as the documentation of `Source` says."""

    max_positions = 32

    def example(self) -> mw.Tokens:
        return self.tokens("example")

    def tokens(self, prompt: Any) -> mw.Tokens:
        if isinstance(prompt, mw.Tokens):
            return prompt
        ids = tuple(WORDS.encode(prompt) if isinstance(prompt, str) else map(int, prompt))
        return mw.Tokens(ids, tuple(WORDS.decode([i]) for i in ids), (False,) * len(ids))

    def call(self, twin: nn.Module, tokens: mw.Tokens, rows: int) -> torch.Tensor:
        ids = tokens.tensor().repeat(rows, 1)
        return twin(ids, causal(ids.shape[1]))["scores"]


def by_functions() -> mw.TextSource:
    return mw.TextSource(
        WORDS.encode,
        WORDS.decode,
        lambda module, ids: module(ids, causal(ids.shape[1]))["scores"],
        max_positions=32,
    )


BOTH = pytest.mark.parametrize("make", [CharacterSource, by_functions])


@torch.no_grad()
def answers(model: nn.Module, text: str) -> torch.Tensor:
    ids = torch.tensor([WORDS.encode(text)])
    return model(ids, causal(ids.shape[1]))["scores"]


@BOTH
def test_a_character_model_is_read_and_edited(make: Any) -> None:
    model = CharacterModel()
    before, wrapped = state_of(model), mw.wrap(model, source=make())
    run = wrapped.run(TEXT)
    assert torch.equal(run.logits, answers(model, TEXT))
    assert "".join(run.tokens.texts) == TEXT
    assert (wrapped.n_layers, wrapped.n_heads(0), wrapped.n_neurons(0)) == (2, 3, 48)
    assert (wrapped.vocab_size, wrapped.max_positions) == (29, 32)
    cut = copy.deepcopy(model)
    zero_head_weights(cut.blocks[1].attn.proj, 2, 3)
    edited = wrapped.run(TEXT, [mw.Ablate(mw.Head(1, 2))])
    assert torch.allclose(edited.logits, answers(cut, TEXT), atol=1e-5)
    assert edited.plan.replayed == 1
    rows = wrapped.run_rows(TEXT, [[mw.Ablate(mw.Head(1, head))] for head in range(3)])
    assert torch.allclose(rows[2].logits, edited.logits, atol=2e-5)
    assert state_of(model) == before


@BOTH
def test_a_session_and_a_metric_work_in_characters(make: Any) -> None:
    wrapped = mw.wrap(CharacterModel(), source=make())
    assert wrapped.token_id("c") == WORDS.encode("c")[0]
    assert wrapped.token_text(2) == "c"
    with pytest.raises(TokenError, match="'cat' is not one token but splits into 'c', 'a', 't'"):
        wrapped.token_id("cat")
    metric = mw.LogitDiff("c", "s").bind(wrapped, len(TEXT))
    logits = answers(wrapped.model, TEXT)[0, -1]
    expected = (logits[WORDS.encode("c")[0]] - logits[WORDS.encode("s")[0]]).item()
    assert metric(wrapped.run(TEXT).logits[0, -1]) == pytest.approx(expected)
    with mw.Session(wrapped, TEXT, mw.LogitDiff("c", "s")) as session:
        session.ablate(mw.Head(1, 2))
        assert session.metric_value is not None
        edited = wrapped.run(TEXT, [mw.Ablate(mw.Head(1, 2))])
        assert torch.allclose(session.result.logits[:, -1], edited.logits[:, -1], atol=1e-5)


def test_what_a_person_may_give_and_what_not() -> None:
    wrapped = mw.wrap(CharacterModel(), source=by_functions())
    ids = WORDS.encode(TEXT)
    plain = wrapped.run(TEXT).logits
    for prompt in (ids, torch.tensor(ids), torch.tensor([ids]), wrapped.tokenize(TEXT)):
        assert torch.equal(wrapped.run(prompt).logits, plain)
    with pytest.raises(PromptError, match="'Zzz' could not be encoded: ValueError"):
        wrapped.run("Zzz")
    with pytest.raises(PromptError, match="has 33 tokens; this model's context is 32"):
        wrapped.run("a" * 33)
    with pytest.raises(PromptError, match="Token id 29 is outside"):
        wrapped.run([29])
    with pytest.raises(PromptError, match="empty"):
        wrapped.run("")
    with pytest.raises(PromptError, match="source has no encode"):
        mw.wrap(EinsumTransformer(), source=mw.TextSource()).run("a")


def test_a_text_source_without_functions_takes_ids() -> None:
    model = EinsumTransformer()
    wrapped = mw.wrap(model, source=mw.TextSource(), sites={"z": "blocks.{layer}.attn.hook_z"})
    run = wrapped.run([1, 2, 3], [mw.Ablate(mw.Head(0, 1))])
    assert run.tokens.texts == ("[1]", "[2]", "[3]")
    assert run.fired[0].change > 0


class Lacking:
    max_positions = None

    def example(self) -> mw.Tokens:
        return mw.Tokens((1, 2, 3), ("1", "2", "3"), (False,) * 3)


class Vague(Lacking):
    def tokens(self, prompt: Any) -> Any:
        return prompt

    def call(self, twin: nn.Module, tokens: Any, rows: int) -> Any:
        return twin(tokens.tensor().repeat(rows, 1), causal(3))


class Failing(Vague):
    def call(self, twin: nn.Module, tokens: Any, rows: int) -> Any:
        return twin(tokens.tensor())


class OneRow(Vague):
    def call(self, twin: nn.Module, tokens: Any, rows: int) -> Any:
        return twin(tokens.tensor(), causal(3))["scores"]


class NoTokens(Vague):
    def example(self) -> Any:
        return [1, 2, 3]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (CharacterSource, r"the class CharacterSource; .* Write source=CharacterSource\(\)"),
        (Lacking(), "Lacking is no source: it lacks tokens, call"),
        (Failing(), r"Failing.call\(\) failed on 2 rows of 3 tokens with TypeError"),
        (OneRow(), r"OneRow.call\(\) gave \[1, 3, 29\] for 2 rows of 3 tokens; expected logits"),
        (NoTokens(), r"NoTokens.example\(\) gave list; expected mechwidget.Tokens"),
        (Vague(), r"Vague.call\(\) gave dict for 2 rows of 3 tokens; expected logits"),
        (mw.TextSource(call=lambda module, ids: module.tok_emb(ids)[0]), "for 2 rows of 7 tokens"),
        (mw.TextSource(call=lambda module, ids: ids), "expected logits of shape"),
        (
            mw.TextSource(call=lambda module, ids: CharacterModel()(ids, causal(7))["scores"]),
            r"TextSource.call\(\) called nothing of the module that it was given",
        ),
    ],
)
def test_a_source_that_does_not_do_what_it_must_is_refused_by_member(
    source: Any, message: str
) -> None:
    with pytest.raises(UnsupportedModelError, match=message):
        mw.wrap(CharacterModel(), source=source)


def test_without_a_source_the_error_says_that_there_is_such_a_thing() -> None:
    with pytest.raises(UnsupportedModelError, match="its forward failed on 7 token ids"):
        mw.wrap(CharacterModel())


def test_the_documented_example_runs() -> None:
    """The class in the docstring of `Source`, word for word."""
    text = mw.Source.__doc__ or ""
    code = text.split("Example::", 1)[1].split("    `mechwidget.TextSource`")[0]
    space: dict[str, Any] = {"mw": mw, "torch": torch, "toy": CharacterModel(), "causal": causal}
    exec(inspect.cleandoc(code), space)
    assert torch.equal(space["run"].logits, answers(space["toy"], "hello"))
