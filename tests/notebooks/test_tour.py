"""The tour is true: every cell runs, and every sentence about the model holds."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import mechwidget as mw
from mechwidget.microcosm import phenomena

pytestmark = pytest.mark.notebook

TOUR = Path(mw.__file__).parent / "notebooks" / "tour.ipynb"


@pytest.fixture(scope="module")
def tour() -> nbformat.NotebookNode:
    return nbformat.read(TOUR, as_version=4)


@pytest.fixture(scope="module")
def executed(tour: nbformat.NotebookNode) -> dict[str, nbformat.NotebookNode]:
    """Cell id → cell, after running all of them top to bottom in a fresh kernel."""
    run = NotebookClient(nbformat.from_dict(tour), timeout=120).execute()
    return {cell["id"]: cell for cell in run.cells}


def text_of(tour: nbformat.NotebookNode, cell: str) -> str:
    return next(c.source for c in tour.cells if c["id"] == cell)


def output(cell: nbformat.NotebookNode, kind: str) -> str:
    """What a cell printed ("stdout"), or its result as plain text ("result")."""
    if kind == "stdout":
        return "".join(o.text for o in cell.outputs if o.get("name") == "stdout")
    return "".join(o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result")


def percent(text: str) -> list[float]:
    return [float(number) / 100 for number in re.findall(r"(\d+)%", text)]


@pytest.fixture(scope="module")
def without(executed: dict[str, nbformat.NotebookNode]) -> dict[str, float]:
    """Head → the chance of " kite" without it, as the tour prints it."""
    printed = output(executed["all-heads"], "stdout")
    pairs = re.findall(r"without head (\d+\.\d+): (\d+)%", printed)
    return {head: float(chance) / 100 for head, chance in pairs}


def test_it_is_short_and_has_no_outputs(tour: nbformat.NotebookNode) -> None:
    nbformat.validate(tour)
    assert 6 <= len(tour.cells) <= 11
    code = [cell for cell in tour.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert all(len(cell.source.splitlines()) <= 8 for cell in code)
    assert tour.metadata.kernelspec.name == "python3"


def test_it_runs_without_a_word_on_stderr(executed: dict[str, nbformat.NotebookNode]) -> None:
    outputs = [o for cell in executed.values() for o in cell.get("outputs", [])]
    assert [o for o in outputs if o.get("name") == "stderr" or o.output_type == "error"] == []


@pytest.mark.parametrize("cell", ["explore", "induction", "patching"])
def test_its_widgets_are_widgets(executed: dict[str, nbformat.NotebookNode], cell: str) -> None:
    (shown,) = [o for o in executed[cell].outputs if o.output_type == "execute_result"]
    assert "application/vnd.jupyter.widget-view+json" in shown.data


def test_one_click_says_how_big_the_model_is(tour: nbformat.NotebookNode) -> None:
    said = text_of(tour, "one-click")
    layers, heads = map(int, re.search(r"(\d+) layers \W (\d+) heads", said).groups())
    model = mw.load("microcosm")
    assert model.n_layers == layers
    assert {model.n_heads(layer) for layer in range(layers)} == {heads}


@pytest.fixture(scope="module")
def circuit() -> tuple[str, set[str]]:
    """The previous-token head and the induction heads, as the evaluation found them."""
    heads = phenomena()["heads"]

    def dotted(name: str) -> str:
        return name.removeprefix("L").replace("H", ".")

    return dotted(heads["previous_token"]), {dotted(head) for head in heads["induction"]}


def test_which_head_names_the_heads_that_were_measured(tour, circuit) -> None:
    previous_token, induction = circuit
    said = text_of(tour, "which-head")
    assert re.search(r"\*\*Head (\d+\.\d+)\*\*", said).group(1) == previous_token
    layer = re.search(r"four heads of \*\*layer (\d+)\*\*", said).group(1)
    assert induction == {f"{layer}.{head}" for head in range(4)}
    arguments = previous_token.replace(".", ", ")
    assert f"mw.Head({arguments})" in text_of(tour, "set")
    assert f"mw.Head({arguments})" in text_of(tour, "capital")


def test_which_head_says_what_is_measured(tour, executed, without, circuit) -> None:
    at_first, others = percent(text_of(tour, "which-head"))
    baseline, after = percent(output(executed["set"], "result"))
    assert baseline == at_first >= 0.9
    assert after == without[circuit[0]] < 0.02  # "the answer is gone"
    assert len(without) == 16
    assert min(without[head] for head in without.keys() - circuit[1] - {circuit[0]}) == others


def test_without_all_induction_heads_the_answer_is_gone(tour, circuit) -> None:
    words = re.search(r'words = "(.*)"', text_of(tour, "induction")).group(1)
    with mw.Session(mw.load("microcosm"), words, metric=mw.Probability(" kite")) as session:
        session.ablate(*(mw.Head(*map(int, head.split("."))) for head in circuit[1]))
        assert session.metric_value < 0.02


def test_those_heads_attend_where_it_says(tour, circuit) -> None:
    """Above all others on the two scores that the text names."""
    words = re.search(r'words = "(.*)"', text_of(tour, "induction")).group(1)
    previous_token, induction = circuit
    with mw.Session(mw.load("microcosm"), words) as session:
        for name, heads in (("previous_token", {previous_token}), ("induction", induction)):
            scores = session.scores(name).result().heads
            ranked = sorted(
                (
                    (scores[layer][head], f"{layer}.{head}")
                    for layer in range(4)
                    for head in range(4)
                ),
                reverse=True,
            )
            assert {head for _, head in ranked[: len(heads)]} == heads
            assert ranked[len(heads) - 1][0] > 0.5


def test_the_capital_is_still_paris(executed: dict[str, nbformat.NotebookNode]) -> None:
    before, after = percent(output(executed["capital"], "stdout"))
    assert before >= 0.9
    assert after >= 0.9


def test_the_fact_is_where_it_says(tour: nbformat.NotebookNode) -> None:
    """After layer 0 at France, after layer 2 at the last token, and at no other."""
    said = re.findall(r"[Aa]fter layer (\d)", text_of(tour, "where-is-the-fact"))
    early, late = map(int, said)
    ours, theirs = re.findall(r'"(The capital of \w+ is)"', text_of(tour, "patching"))
    with mw.Session(mw.load("microcosm"), ours, mw.LogitDiff(" Paris", " Rome")) as session:
        tokens = session.baseline.tokens.texts
        country, last = tokens.index(" France"), len(tokens) - 1

        def patched(layer: int, position: int) -> float:
            stream = mw.Residual(layer, positions=[position], end="post")
            session.interventions = [mw.Patch(stream, theirs)]
            return session.metric_value

        before = session.baseline_metric_value
        assert patched(early, country) < 0 < before  # Rome instead of Paris
        assert abs(patched(late, country) - before) < 0.1
        assert patched(late, last) < 0
        for position in set(range(len(tokens))) - {country, last}:
            assert abs(patched(early, position) - before) < 0.1
