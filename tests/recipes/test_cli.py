"""`mechwidget recipe` on the command line, through a parser of its own."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from mechwidget.cli import recipe
from mechwidget.recipes import loads, read_file, write_file
from tests.recipes.documents import FULL, full

FIRST = Path(__file__).with_name("version_1.mech.json")


def run(*arguments):
    parser = argparse.ArgumentParser()
    recipe.arguments(parser)
    return recipe.run(parser.parse_args([str(each) for each in arguments]))


@pytest.fixture
def good(tmp_path):
    return write_file(tmp_path / "good", FULL)


def test_validate_says_what_is_wrong_with_each(good, tmp_path, capsys):
    assert run("validate", good) == 0
    assert capsys.readouterr().out == f"{good}: a valid recipe\n"
    bad = write_file(tmp_path / "bad", full(model=None, interventions=[{}]))
    strange = write_file(tmp_path / "strange", full(interventions=[{"does": {"type": "warp"}}]))
    none = tmp_path / "none"
    assert run("validate", good, bad, strange, none) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"{bad}: model: It is null; expected an object." in lines
    assert f"{strange}: note: interventions[0].does.type: " in "\n".join(lines)
    assert f"{none}: There is no file {none}. Check the path." in lines
    assert run("validate", strange) == 0  # kept and not done is not wrong


def test_validate_as_json(good, capsys):
    assert run("validate", "--json", FIRST, good) == 0
    told = json.loads(capsys.readouterr().out)
    assert told[str(good)] == []
    assert [each["severity"] for each in told[str(FIRST)]] == ["note"]


def test_migrate_in_place_or_to_the_screen(good, tmp_path, capsys):
    old = tmp_path / "old.mech.json"
    old.write_bytes(FIRST.read_bytes())
    assert run("migrate", "--stdout", old) == 0
    assert loads(capsys.readouterr().out)["version"] == 2
    assert old.read_bytes() == FIRST.read_bytes()
    assert run("migrate", old, good) == 0
    assert capsys.readouterr().out == f"{old}: version 1 → 2\n{good}: version 2 already\n"
    assert loads(read_file(old))["version"] == 2
    other = tmp_path / "letter"
    other.write_text("a letter")
    assert run("migrate", other) == 2
    assert "not JSON" in capsys.readouterr().err
    assert other.read_text() == "a letter"


def test_diff_in_sentences_and_as_json(good, tmp_path, capsys):
    other = write_file(tmp_path / "other", full(metric=None))
    assert run("diff", good, good) == 0
    assert capsys.readouterr().out == "No difference.\n"
    assert run("diff", good, other) == 1
    assert capsys.readouterr().out == "metric: Gone: the metric, “logit_diff”.\n"
    assert run("diff", "--json", good, other) == 1
    (change,) = json.loads(capsys.readouterr().out)
    assert (change["path"], change["after"]) == ("metric", None)
    assert run("diff", good, tmp_path / "none") == 2


@pytest.mark.parametrize("arguments", [[], ["validate"], ["diff", "one"], ["burn", "x"]])
def test_arguments_that_make_no_sense_are_refused(arguments):
    with pytest.raises(SystemExit) as told:
        run(*arguments)
    assert told.value.code == 2
