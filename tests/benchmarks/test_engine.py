"""The engine's benchmark runs, on models so small that its numbers mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import mechwidget as mw
from tests.benchmarks import engine, results
from tests.benchmarks.engine import Engine, report
from tests.benchmarks.engine_case import Case, OtherWorkError
from tests.benchmarks.rivals import Lens, Plain, Sight, absent
from tests.models.zoo.build import build

pytestmark = pytest.mark.skipif(bool(absent()), reason=f"not installed: {', '.join(absent())}")


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def case(request: pytest.FixtureRequest) -> Case:
    model = build(request.param)
    model.generation_config.eos_token_id = model.config.eos_token_id = None
    plain = Plain(model, mw.wrap(model))
    return Case(request.param, plain, Lens(model), Sight(model, plain.ours), engine.MAP_TOKENS)


def test_every_item_is_measured_on_the_same_work(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case, "repetitions", 1)
    measured = Engine()
    measured.measure(case)
    skipped = set() if hasattr(case.ours, "generate") else {6}
    assert {number for number, table in measured.tables.items() if not table.lines} == skipped
    text = "\n".join(report(measured, []))
    assert "transformer-lens 4" in text
    assert "nnsight 0" in text


def test_other_work_is_refused(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def another_head(ids: torch.Tensor, layer: int, head: int, **options: int) -> torch.Tensor:
        return type(case.lens).head(case.lens, ids, layer, head - 1, **options)

    monkeypatch.setattr(case.lens, "head", another_head, raising=False)
    with pytest.raises(OtherWorkError, match=r"TransformerLens is .* away from ours"):
        case.sweep()
    monkeypatch.setattr(engine, "ITEMS", [3])
    measured = Engine()
    measured.measure(case)
    assert not measured.tables[3].lines
    assert "Item 3 was not timed" in "\n".join(report(measured, []))


def test_a_section_is_written_in_the_place_of_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    for heading, line in (("One", "old"), ("Two", "2"), ("One", "new")):
        results.write(heading, [line, "", "### a part"], file)
    text = file.read_text()
    assert text.index("## One\n\nnew") < text.index("## Two\n\n2")
    assert "old" not in text
