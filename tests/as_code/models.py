"""Tiny models of three kinds, prompts for them, and a script run where they are in memory."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
from functools import cache

import mechwidget as mw
from mechwidget.as_code import as_code
from tests.models.zoo.build import build
from tests.session.tiny import tiny_model

IDS = (11, 42, 7, 23, 61, 35, 18, 50, 9)
OTHER = (11, 42, 8, 23, 61, 77, 18, 50, 30)
LONGER = (5, 6, 90, 8, 9, 10, 14, 12, 13, 70, 15)
TEXT = "the cat sat on the mat and the dog"
OTHER_TEXT = "the dog ran on a rug and then slept"
LONGER_TEXT = "then the dog sat under a rug and the cat slept"
NUMBER = re.compile(r"metric: (\S+) -> (\S+)")


@cache
def model(name):
    return tiny_model() if name == "gpt2" else mw.wrap(build(name), name=name)


def prompts(name):
    """A prompt, another one of the same length, a longer one."""
    return (TEXT, OTHER_TEXT, LONGER_TEXT) if name == "gpt2" else (IDS, OTHER, LONGER)


def metric(name):
    return mw.LogitDiff("mat", "rug") if name == "gpt2" else mw.LogitDiff(17, 40)


def run(code, folder, hooked=None, **given):
    """The numbers that a script prints, before and after, and all that it printed."""
    path = folder / "script.py"
    path.write_text(code, encoding="utf-8")
    if hooked is not None:
        given |= {"model": hooked.model, "tokenizer": hooked.tokenizer}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(path), init_globals=given, run_name="__main__")
    found = NUMBER.search(printed.getvalue())
    return (None if found is None else tuple(map(float, found.groups()))), printed.getvalue()


def measured(hooked, prompt, interventions, how):
    """The metric of a run without the interventions and of one with them."""
    bound = how.bind(hooked, len(hooked.tokenize(prompt)))
    runs = hooked.run(prompt), hooked.run(prompt, interventions)
    return tuple(bound(each.logits[0, bound.position]) for each in runs)


def code_of(name, style, *interventions, how=None):
    return as_code(model(name), prompts(name)[0], interventions, how or metric(name), style)
