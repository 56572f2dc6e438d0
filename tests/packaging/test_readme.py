"""The README's lines of Python run as they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.packaging.wheel import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

README = (ROOT / "README.md").read_text()


def test_ten_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, more, keeping = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in first.splitlines() if line.strip()]) <= 10
    names: dict[str, object] = {}
    exec(first, names)
    model, run = names["model"], names["run"]
    assert run.logits.shape[-1] == model.vocab_size
    exec(more, names)
    assert len(names["run"].fired) == 2
    assert len(names["rows"]) == 4
    monkeypatch.chdir(tmp_path)
    exec(keeping, names)
    assert (tmp_path / "capitals.mech.json").is_file()
    names["session"].close()


def test_what_it_points_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)|`((?:tests|mechwidget)/[^`]*)`", README)
    targets = [first or second for first, second in links]
    assert len(targets) >= 6
    assert [target for target in targets if not (ROOT / target).exists()] == []
