"""`mechwidget recipe`: validate, migrate and compare recipes, without a model.

In: arguments of the command line. Out: sentences, or JSON with `--json`, and an exit status: 0
where all is well (or nothing differs), 1 where it is not, 2 where a file cannot be read at all.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from mechwidget import recipes
from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    import argparse

HELP = "validate, migrate and compare recipes (*.mech.json)"

_FINE, _WRONG, _UNREADABLE = 0, 1, 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    kinds = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    validate = kinds.add_parser("validate", help="say what is wrong with each file")
    migrate = kinds.add_parser("migrate", help="bring files to the newest version, in their place")
    migrate.add_argument("--stdout", action="store_true", help="print the result, change no file")
    diff = kinds.add_parser("diff", help="say what lies between two files")
    for parser_of in (validate, migrate):
        parser_of.add_argument("files", nargs="+", metavar="FILE")
    diff.add_argument("files", nargs=2, metavar="FILE")
    for parser_of in (validate, diff):
        parser_of.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    actions = {"validate": _validate, "migrate": _migrate, "diff": _diff}
    try:
        return actions[arguments.action](arguments)
    except MechwidgetError as error:
        _complain(str(error))
        return _UNREADABLE


def _validate(given: argparse.Namespace) -> int:
    status, found = _FINE, {}
    for name in given.files:
        try:
            problems = recipes.validate(recipes.migrate(_document(name)))
        except MechwidgetError as error:
            problems = [recipes.Problem("", str(error))]
        found[name] = problems
        if any(problem.severity == "error" for problem in problems):
            status = _WRONG
    if given.json:
        _say(json.dumps({name: [_json_of(each) for each in some] for name, some in found.items()}))
        return status
    for name, problems in found.items():
        for problem in problems:
            _say(f"{name}: {'note: ' * (problem.severity == 'note')}{problem}")
        if not problems:
            _say(f"{name}: a valid recipe")
    return status


def _migrate(given: argparse.Namespace) -> int:
    for name in given.files:
        old = _document(name)
        new = recipes.migrate(old)
        wrong = [each for each in recipes.validate(new) if each.severity == "error"]
        if wrong:
            _complain(f"{name}: not migrated. {wrong[0]}")
            return _WRONG
        if given.stdout:
            _say(recipes.dumps(new).rstrip())
        elif old["version"] == new["version"]:
            _say(f"{name}: version {new['version']} already")
        else:
            recipes.write_file(name, new)
            _say(f"{name}: version {old['version']} → {new['version']}")
    return _FINE


def _diff(given: argparse.Namespace) -> int:
    old, new = (recipes.read(recipes.read_file(name))[0] for name in given.files)
    changes = recipes.difference(old, new)
    if given.json:
        _say(json.dumps([change.to_json() for change in changes]))
    else:
        for change in changes:
            _say(str(change))
        if not changes:
            _say("No difference.")
    return _WRONG if changes else _FINE


def _document(name: str) -> dict[str, Any]:
    return recipes.loads(recipes.read_file(name))


def _json_of(problem: recipes.Problem) -> dict[str, str]:
    return {"path": problem.path, "message": problem.message, "severity": problem.severity}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"mechwidget recipe: {text}\n")
