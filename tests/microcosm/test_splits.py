"""Laws of the held-out splits, read off the training text itself and not off its generator."""

import random
import re
from functools import cache
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mechwidget.microcosm.corpus import (
    MIXTURE,
    Scene,
    dialogue,
    knowledge,
    rows,
    sequences,
    stories,
)
from mechwidget.microcosm.corpus import templates as t
from mechwidget.microcosm.corpus import world as w
from mechwidget.microcosm.corpus.splits import HELD_OUT_PAIRS, STRANGERS, held_out, held_out_pair
from mechwidget.microcosm.tokenizer import BOS_ID, SPACE, build_tokenizer

SEEDS = st.integers(0, 2**32)
SINGULAR = {form: noun for noun in w.NOUNS for form in (noun, w.plural(noun))}
NAME = "[A-Z][a-z]+"


def texts(seed: int) -> list[str]:
    return [row.text for row in rows(random.Random(seed), 40)]


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_held_out_pairs_never_meet_in_a_row(seed: int) -> None:
    for text in texts(seed):
        people = {word for word in re.findall(r"\w+", text) if word in STRANGERS}
        assert not [pair for pair in combinations(sorted(people), 2) if held_out_pair(*pair)]


@cache
def held_out_facts() -> re.Pattern[str]:
    aside = r"(?:,[^,.]*,| today| of course)?"
    forms = [
        re.escape(template)
        .replace(r"\{country\}", country.name)
        .replace(r"\{aside\}", aside)
        .replace(r"\{name\}", NAME)
        for sentences in t.FACTS.values()
        for template in sentences
        for country in knowledge.COUNTRIES
        if held_out("fact", country.name, template)
    ]
    return re.compile(rf"(?:^|\. )(?:{'|'.join(forms)}) [A-Z][a-z]+\.")


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_held_out_facts_are_never_stated_in_that_sentence(seed: int) -> None:
    for text in texts(seed):
        assert not held_out_facts().search(text)


def test_the_fact_law_can_see_a_violation() -> None:
    document = knowledge.fact(Scene(random.Random(0), held_out=True), "capital")
    assert held_out_facts().search(document.text)


# One pattern per kind of document; its groups are the combination, in the order of the split.
PATTERNS = {
    "gender": (
        rf"({NAME}) went to the \w+ because s?he was (\w+)",
        rf"({NAME}) was (\w+), so s?he went",
        rf"({NAME}) said that s?he was (\w+)",
    ),
    "greater-than": (r"The (\w+) (?:lasted from the|began in) year (\d+)",),
    "request": (r"User: (?:how do I|tell me how to|can you help me) (\w+) a (\w+)",),
    "review": (
        rf"Review: (?:{NAME}|I) \w+ the (\w+) and (?:thought )?it was (\w+)",
        r"Review: The (\w+) was (\w+)",
    ),
    "agreement": (
        rf"The ({'|'.join(SINGULAR)}) (?:{'|'.join(w.PREPOSITIONS)}) the ({'|'.join(SINGULAR)})\b",
    ),
}


def combinations_in(kind: str, text: str) -> list[tuple[str, ...]]:
    found = [match for pattern in PATTERNS[kind] for match in re.findall(pattern, text)]
    return [tuple(SINGULAR[word] for word in m) for m in found] if kind == "agreement" else found


@pytest.mark.parametrize("kind", PATTERNS)
@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_held_out_combinations_never_occur(kind: str, seed: int) -> None:
    for text in texts(seed):
        for combination in combinations_in(kind, text):
            assert not held_out(kind, *combination)


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("gender", stories.gender),
        ("greater-than", sequences.greater_than),
        ("request", dialogue.chat),
        ("review", dialogue.review),
        ("agreement", stories.agreement),
    ],
)
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_evaluation_asks_for_held_out_combinations_only(kind: str, source, seed: int) -> None:
    document = source(Scene(random.Random(seed), held_out=True))
    assert any(held_out(kind, *found) for found in combinations_in(kind, document.text))


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_held_out_neighbours_are_never_neighbours_in_context(seed: int) -> None:
    for text in texts(seed):
        for a, b, c, d in re.findall(r"(?=\b(\w+) -> (\w+); (\w+) -> (\w+))", text):
            tasks = [
                name for name, pairs in knowledge.TASKS.items() if {(a, b), (c, d)} <= set(pairs)
            ]
            assert tasks
            assert not all(held_out("in-context", name, a, c) for name in tasks)


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_held_out_runs_never_occur(seed: int) -> None:
    series = {item for items in sequences.SERIES.values() for item in items}
    for text in texts(seed):
        for run in re.findall(r"(?:^|\. )(\w+(?:, \w+){2,})\.", text):
            items = run.split(", ")
            if set(items) <= series:
                assert not held_out("run", items[0], str(len(items)))


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_indirect_objects_are_asked_of_held_out_pairs(seed: int) -> None:
    document = stories.indirect_object(Scene(random.Random(seed), held_out=True), bare=True)
    assert document.foil is not None
    assert held_out_pair(document.answer, document.foil)


def test_a_tenth_of_the_pairs_is_held_out() -> None:
    share = len(HELD_OUT_PAIRS) / (len(w.NAMES) * (len(w.NAMES) - 1) / 2)
    assert 0.08 < share < 0.12


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_every_word_of_the_corpus_is_one_token(seed: int) -> None:
    tokenizer = build_tokenizer()
    for text in texts(seed):
        tokens = tokenizer.tokenize(text)
        assert all(token.startswith(SPACE) or token in ".,;:?" for token in tokens), text


def test_the_mixture_is_a_distribution() -> None:
    assert sum(share for _, share in MIXTURE) == pytest.approx(1)
    assert BOS_ID == 0
