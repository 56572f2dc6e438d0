"""Recipes of sessions that are about something else than one text: ids, a blank, two stacks."""

from __future__ import annotations

import pytest

import mechwidget as mw
from mechwidget import recipes
from tests.session.encoders import BLANK, masked_model, two_stack_model
from tests.session.tiny import tiny_model

TWO = mw.Inputs("the cat sat", "a dog ran")
KINDS = {
    "ids": (tiny_model, (1, 2, 3), [4, 5, 6]),
    "a blank": (masked_model, BLANK, None),
    "two stacks, one text": (two_stack_model, "the cat sat", None),
    "two texts": (
        two_stack_model,
        mw.Inputs("the cat sat", "a dog"),
        mw.Inputs("the dog", "a cat"),
    ),
    "text and ids": (two_stack_model, mw.Inputs("the cat sat", [3, 4]), mw.Inputs([3, 4, 5])),
}


@pytest.mark.parametrize(("made", "prompt", "other"), KINDS.values(), ids=KINDS.keys())
def test_it_comes_back_and_can_be_shown(made, prompt, other):
    model = made()
    with mw.Session(model, prompt) as session:
        session.other_prompt = other
        session.ablate(mw.Head(0, 1))
        document = session.to_recipe()
        assert recipes.validate(document) == []
        assert recipes.loads(recipes.dumps(document)) == document
        with mw.Session.from_recipe(document, model) as again:
            assert again.differences == ()
            assert again.now().state.tokens == session.now().state.tokens
            assert again.now().state.other == session.now().state.other
            assert again.result.logits.equal(session.result.logits)
            new = {name: each for name, each in again.to_recipe().items() if name != "written"}
            assert new == {name: each for name, each in document.items() if name != "written"}
    assert "Zero head 0.1" in recipes.to_html(document)


def test_other_tokens_of_either_stack_are_said():
    model = two_stack_model()
    with mw.Session(model, TWO) as session:
        document = session.to_recipe()
    for part in ("encoder", "decoder"):
        document["prompts"]["a"][part]["ids"] = [1]
    with mw.Session.from_recipe(document, model) as again:
        told = {each.path: each.message for each in again.differences}
    assert told["prompts.a.encoder.ids"].startswith("Prompt A is 3 tokens here, and was 1;")
    assert told["prompts.a.decoder.ids"].startswith("The decoder's part of prompt A is ")
