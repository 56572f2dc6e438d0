"""The tokenizer: total, reversible, and the same however often it is built."""

from hypothesis import given
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel

from mechwidget.microcosm.corpus import lexicon
from mechwidget.microcosm.tokenizer import (
    BOS,
    BOS_ID,
    PAD,
    PAD_ID,
    SPACE,
    build_tokenizer,
    vocabulary,
)

TOKENIZER = build_tokenizer()
TEXTS = st.text().filter(lambda text: BOS not in text and PAD not in text)


@given(TEXTS)
def test_any_text_comes_back(text: str) -> None:
    ids = TOKENIZER(text)["input_ids"]
    back = TOKENIZER.decode(ids, skip_special_tokens=True)
    assert back in (text, " " + text)


@given(TEXTS)
def test_every_text_starts_with_the_start_token(text: str) -> None:
    ids = TOKENIZER(text)["input_ids"]
    assert ids[0] == BOS_ID
    assert BOS_ID not in ids[1:]
    assert PAD_ID not in ids


def test_every_byte_is_a_token() -> None:
    assert set(ByteLevel.alphabet()) <= set(TOKENIZER.get_vocab())
    assert len(ByteLevel.alphabet()) == 256


def test_every_word_is_one_token() -> None:
    words, marks = lexicon()
    for word in words:
        assert TOKENIZER.tokenize(word) == [SPACE + word]
    for mark in marks:
        assert TOKENIZER.tokenize("it" + mark) == [SPACE + "it", mark]


def test_ids_do_not_depend_on_the_build() -> None:
    assert build_tokenizer().get_vocab() == TOKENIZER.get_vocab()
    assert [token for token, _ in vocabulary()] == TOKENIZER.convert_ids_to_tokens(
        range(len(TOKENIZER))
    )


def test_padding_is_neither_start_nor_end() -> None:
    assert TOKENIZER.pad_token_id == PAD_ID != TOKENIZER.eos_token_id == TOKENIZER.bos_token_id
    assert TOKENIZER.unk_token is None


def test_shipped_tokenizer_is_the_one_that_the_script_builds(checkpoint) -> None:
    assert checkpoint[1].get_vocab() == TOKENIZER.get_vocab()
    assert checkpoint[1]("The capital of France is") == TOKENIZER("The capital of France is")
