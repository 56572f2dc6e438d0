"""The README's table of hosts is what the stored report says; see also `conftest.py`."""

from __future__ import annotations

from tests.hosts.report import COLUMNS, HOSTS, README, stored, table, with_table


def test_the_readme_has_the_table_of_the_stored_report() -> None:
    readme = README.read_text()
    assert with_table(readme, stored()) == readme, "run `make hosts`"


def test_every_host_has_every_item() -> None:
    report = stored()
    assert set(report) == set(HOSTS)
    for host in report.values():
        assert set(host["items"]) == set(COLUMNS)


def test_what_fails_or_does_not_apply_is_not_called_working() -> None:
    items = dict.fromkeys(COLUMNS, "works")
    items |= {"click": "fails", "link": "works: edits only", "close": "not applicable: no kernel"}
    lines = table({"marimo": {"version": "1", "items": items}}).splitlines()
    assert lines[2] == (
        "| marimo (1) | yes | fails | yes | yes | yes | yes | yes <sup>1</sup> "
        "| \N{EN DASH} <sup>2</sup> |"
    )
    assert lines[-1] == "<sup>1</sup> edits only; <sup>2</sup> no kernel."
