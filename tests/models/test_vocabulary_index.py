"""The search over a vocabulary: its ranking as laws, on hostile vocabularies and queries."""

from __future__ import annotations

import random
import threading
import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.models.vocabulary import Vocabulary
from mechwidget.models.vocabulary_index import VocabularyIndex
from tests.models.test_tokens import sentencepiece

HOSTILE = ["", " ", "#1", "\\xf0", "\u202e", "\ud800", "İ", "ß", "ﬁ", "\x00", "a\u0301", "<img>"]
texts = st.one_of(st.sampled_from(HOSTILE), st.text("aAbB #1éß \n", max_size=4), st.text())
vocabularies = st.lists(st.one_of(st.none(), texts), min_size=1, max_size=30)

RULES = {
    "exact": lambda text, query: text == query,
    "spaced": lambda text, query: text == " " + query,
    "cased": lambda text, query: text.casefold() in (query.casefold(), " " + query.casefold()),
    "prefix": lambda text, query: text.startswith((query, " " + query)),
    "inside": lambda text, query: query in text,
    "inside_cased": lambda text, query: query.casefold() in text.casefold(),
}


@given(vocabularies, texts, st.integers(0, 40), st.data())
def test_laws_of_the_search(vocabulary, query, most, data) -> None:
    scores = data.draw(st.one_of(st.none(), scores_of(len(vocabulary))))
    found = VocabularyIndex(vocabulary).search(query, scores, most)
    ids = [match.id for match in found.matches]
    assert len(ids) == len(set(ids)) == min(most, found.total)
    for match in found.matches:
        if match.rule == "any":
            assert query == ""
        elif match.rule == "id":
            assert int(query[1:]) == match.id
        else:
            assert RULES[match.rule](vocabulary[match.id], query)
            stronger = list(RULES)[: list(RULES).index(match.rule)]
            assert not any(RULES[rule](vocabulary[match.id], query) for rule in stronger)
    every = VocabularyIndex(vocabulary).search(query, scores, len(vocabulary))
    assert every.matches[:most] == found.matches
    for one, other in zip(every.matches, every.matches[1:], strict=False):
        if one.rule == other.rule and scores is not None:
            assert (-scores[one.id], one.id) < (-scores[other.id], other.id)


def scores_of(n: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.sampled_from([0.0, 0.1, 0.5]), min_size=n, max_size=n)


@given(vocabularies, st.data())
def test_every_token_is_found_by_its_own_text_and_first(vocabulary, data) -> None:
    known = [token for token, text in enumerate(vocabulary) if text]
    if not known:
        return
    query = vocabulary[data.draw(st.sampled_from(known))]
    first = VocabularyIndex(vocabulary).search(query).matches[0]
    asked_by_id = query.startswith("#") and query[1:].isdigit() and query[1:].isascii()
    assert first.rule == "exact" or (asked_by_id and first.rule == "id")


@given(vocabularies, texts)
def test_nothing_that_contains_the_query_is_left_out(vocabulary, query) -> None:
    found = VocabularyIndex(vocabulary).search(query, most=len(vocabulary))
    holds = {i for i, text in enumerate(vocabulary) if text is not None and query in text}
    assert holds <= {match.id for match in found.matches}


def test_the_order_that_a_person_expects() -> None:
    words = ["comparison", " paris", "Paris", " Parisian", "paris", "Lyon", "parish", " Paris"]
    scores = [0.9, 0.1, 0.0, 0.2, 0.0, 0.0, 0.3, 0.5]
    found = VocabularyIndex(words).search("paris", scores)
    assert [(words[match.id], match.rule) for match in found.matches] == [
        ("paris", "exact"),
        (" paris", "spaced"),
        (" Paris", "cased"),
        ("Paris", "cased"),
        ("parish", "prefix"),
        ("comparison", "inside"),
        (" Parisian", "inside_cased"),
    ]
    by_id = VocabularyIndex(words).search("#3", scores)
    assert [(match.id, match.rule) for match in by_id.matches] == [(3, "id")]
    assert VocabularyIndex(words).search("#99").matches == ()
    likely = VocabularyIndex(words).search("", scores, 2)
    assert [match.id for match in likely.matches] == [0, 7]
    assert likely.total == len(words)


def test_every_token_of_a_model_is_found_by_what_it_is_shown_as() -> None:
    model = mw.load("microcosm")
    index = model.vocabulary.index
    assert len(index) == model.vocab_size
    assert model.vocabulary.index is index
    for token in range(0, model.vocab_size, 7):
        first = index.search(model.token_text(token), most=model.vocab_size).matches[0]
        assert model.token_text(first.id) == model.token_text(token)


@settings(deadline=None)
@given(st.integers(0, 400))
def test_stray_bytes_of_a_token_are_those_that_it_stands_for(token) -> None:
    """On both kinds of tokenizer: what is no text on its own says its bytes, all else none."""
    for vocabulary in (mw_vocabulary(), SENTENCEPIECE):
        if token >= vocabulary.size:
            continue
        raw, text = vocabulary.stray(token), vocabulary.text(token)
        if raw is None:
            assert text.encode().decode() == text
        else:
            assert raw.decode("utf-8", "backslashreplace") == text
            with pytest.raises(UnicodeDecodeError):
                raw.decode()


@cache
def mw_vocabulary() -> Vocabulary:
    return mw.load("microcosm").vocabulary


SENTENCEPIECE = Vocabulary(sentencepiece(), 268)


def test_an_emoji_over_several_tokens_says_its_bytes() -> None:
    tokens = mw.load("microcosm").tokenize("a 🎉")
    assert b"".join(tokens.stray.values()) == " 🎉".encode().lstrip()
    assert tokens == mw.load("microcosm").tokenize("a 🎉")


def test_a_literal_escape_in_a_prompt_is_not_taken_for_a_stray_byte() -> None:
    assert mw.load("microcosm").tokenize("a \\xf0").stray == {}


def test_a_model_without_a_tokenizer_is_searched_by_id() -> None:
    index = Vocabulary(None, 10).index
    assert [match.id for match in index.search("#7").matches] == [7]
    assert index.search("a").total == 0
    assert Vocabulary(None, 10).pieces("a b") == []


def test_a_quarter_of_a_million_tokens_are_searched_from_many_threads() -> None:
    chosen = random.Random(0)
    words = ["".join(chosen.choices("abcdefgh ", k=6)) for _ in range(250_000)]
    index = VocabularyIndex(words)
    index.search("a")
    began = time.perf_counter()
    index.search("abc")
    assert time.perf_counter() - began < 2  # a person types; about a twentieth of it is usual
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(index.search("fed", most=5).total))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
