"""The tokenizer: one token per word of the lexicon, single bytes for everything else.

A Unigram model over byte-level pre-tokens. Each word of the corpus is one token with its leading
space ("ĠParis"), as frequent words are in GPT-2; an unknown word falls apart into a known beginning
and bytes; any Unicode text encodes, and decodes to itself. The vocabulary is sorted, so ids depend
on the word lists only. `<|endoftext|>` is put in front of every text: the model was trained so.
"""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from mechwidget.microcosm.corpus.lexicon import lexicon

BOS, PAD = "<|endoftext|>", "<|pad|>"
BOS_ID, PAD_ID = 0, 1
SPACE = "Ġ"  # how byte-level pre-tokenizers write the leading space
_WORD_SCORE, _BYTE_SCORE = -5.0, -20.0  # one word must always beat its spelling
CONTEXT = 128


def vocabulary() -> list[tuple[str, float]]:
    """All tokens with their Unigram scores, in the order of their ids."""
    words, marks = lexicon()
    tokens = dict.fromkeys((BOS, PAD), 0.0)
    tokens |= dict.fromkeys((SPACE + word for word in words), _WORD_SCORE)
    tokens |= dict.fromkeys((form for mark in marks for form in (mark, SPACE + mark)), _WORD_SCORE)
    for byte in sorted(pre_tokenizers.ByteLevel.alphabet()):
        tokens.setdefault(byte, _BYTE_SCORE)
    return list(tokens.items())


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer, always the same one."""
    core = Tokenizer(models.Unigram(vocabulary(), unk_id=None, byte_fallback=False))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)
    core.decoder = decoders.ByteLevel()
    core.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, BOS_ID)]
    )
    core.add_special_tokens([BOS, PAD])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core,
        bos_token=BOS,
        eos_token=BOS,
        pad_token=PAD,
        padding_side="right",
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def word_id(tokenizer: PreTrainedTokenizerFast, word: str) -> int:
    """The id of a word of the lexicon as it appears inside a sentence."""
    found = tokenizer.convert_tokens_to_ids(SPACE + word)
    if not isinstance(found, int):
        raise KeyError(f"{word!r} is not one token of the microcosm")
    return found


def save_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Build the tokenizer and write it where `AutoTokenizer` finds it."""
    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(folder)
    return tokenizer
