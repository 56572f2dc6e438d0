"""The README's lines of Python run as they stand."""

from __future__ import annotations

import re

from tests.packaging.wheel import ROOT

README = (ROOT / "README.md").read_text()


def test_ten_lines_run() -> None:
    first, more = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in first.splitlines() if line.strip()]) <= 10
    names: dict[str, object] = {}
    exec(first, names)
    model, run = names["model"], names["run"]
    assert run.logits.shape[-1] == model.vocab_size
    exec(more, names)
    assert len(names["run"].fired) == 2
    assert len(names["rows"]) == 4
    names["session"].close()


def test_what_it_points_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)|`((?:tests|mechwidget)/[^`]*)`", README)
    targets = [first or second for first, second in links]
    assert len(targets) >= 6
    assert [target for target in targets if not (ROOT / target).exists()] == []
