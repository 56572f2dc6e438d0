"""Dictionaries of features: sparse autoencoders and transcoders, and what they are known by.

A dictionary reads activations at one site, says which of its features are active there, and writes
what they stand for at the same site (an autoencoder) or at a later one (a transcoder).

In: tensors, safetensors, or an object of somebody else's. Out: `Dictionary`, the protocol that it
follows, and dictionaries by name.
"""

from __future__ import annotations

from mechwidget.dictionaries.contract import FeatureDictionary
from mechwidget.dictionaries.dictionary import Dictionary
from mechwidget.dictionaries.registry import (
    dictionary_names,
    find_dictionary,
    register_dictionary,
)

__all__ = [
    "Dictionary",
    "FeatureDictionary",
    "dictionary_names",
    "find_dictionary",
    "register_dictionary",
]
