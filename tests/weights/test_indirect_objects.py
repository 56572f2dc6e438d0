"""Indirect objects in GPT-2 small: what was published of its circuit, measured again.

Wang et al. 2022 (arXiv 2211.00593) found the circuit; the numbers are those that TransformerLens'
Exploratory_Analysis_Demo printed for its eight prompts, to three decimals, with weights folded.
That leaves logit differences, patching and patterns as they are. Where a head is zeroed it does
not: a folded head keeps its value bias when it is zeroed, so here the bias is what it is set to.

Each prompt names two people and repeats one of them; the corrupted prompt repeats the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

import mechwidget as mw
from mechwidget.interventions import Intervention
from tests.weights.cached import require, with_start

pytestmark = pytest.mark.weights

TEMPLATES = {
    "When John and Mary went to the shops,{} gave the bag to": (" Mary", " John"),
    "When Tom and James went to the park,{} gave the ball to": (" Tom", " James"),
    "When Dan and Sid went to the shops,{} gave an apple to": (" Dan", " Sid"),
    "After Martin and Amy went to the park,{} gave a drink to": (" Martin", " Amy"),
}
PROMPTS = [
    (template.format(repeated), answer, repeated)
    for template, (a, b) in TEMPLATES.items()
    for answer, repeated in ((a, b), (b, a))
]
DIFFERENCES = [3.337, 3.202, 2.709, 3.797, 1.720, 5.281, 2.601, 5.767]
MEAN = 3.552
REPEATED, END = 10, 14  # positions of the second mention and of the last token
PRINTED = 0.0015  # three decimals, and rounding of another machine

# By layer, at the second mention and at the end: 0 is the corrupted prompt, 1 the clean one.
STREAM = (
    (1, 1.001, 1.001, 1.000, 0.995, 0.968, 0.968, 0.923, 0.657, 0.027, -0.027, -0.006),
    (0, 0, -0.001, -0.001, -0.002, -0.001, -0.001, 0.017, 0.319, 0.938, 1.005, 0.991),
)
ATTENTION = (
    (0.035, -0.003, -0.002, 0.155, -0.005, 0.352, 0.120, 0.013, -0.002, 0, -0.001, 0),
    (0, -0.001, 0, -0.001, 0.001, 0, 0.018, 0.298, 0.570, 0.272, -0.193, -0.406),
)
NEURONS = (
    (0.851, 0.009, 0.014, 0.002, -0.020, 0.097, -0.016, 0.010, -0.013, 0, 0.001, 0),
    (0, 0, 0.001, 0, 0.001, 0, -0.007, 0.008, -0.022, 0.032, 0.029, 0.020),
)
HEADS = {
    (5, 5): 0.343, (8, 6): 0.319, (8, 10): 0.278, (9, 9): 0.264, (7, 9): 0.192, (6, 9): 0.130,
    (7, 3): 0.124, (3, 0): 0.116, (10, 0): 0.084, (9, 6): -0.048, (11, 2): -0.114,
    (11, 10): -0.278, (10, 7): -0.480,
}  # fmt: skip
PATTERNS = {
    (5, 5): 0.344, (9, 9): 0.277, (6, 9): 0.130, (3, 0): 0.115, (10, 7): -0.505, (11, 10): -0.320,
}  # fmt: skip

Make = Callable[[tuple[int, ...]], Sequence[Intervention]]


@pytest.fixture
def model() -> mw.HookedModel:
    return require("gpt2", "openai-community/gpt2")


def difference(model: mw.HookedModel, logits: torch.Tensor, index: int) -> float:
    """Logit of the right name minus that of the repeated one, `[1, 1, vocab]`."""
    _, answer, repeated = PROMPTS[index]
    return float(logits[0, -1, model.token_id(answer)] - logits[0, -1, model.token_id(repeated)])


def recovered(model: mw.HookedModel, make: Make) -> torch.Tensor:
    """Per variant of `make(clean ids)`: how much of the clean difference it brings back."""
    total = []
    for index in range(len(PROMPTS)):
        clean = with_start(model, PROMPTS[index][0])
        corrupted = with_start(model, PROMPTS[index ^ 1][0])
        rows = model.run_rows(corrupted, [[each] for each in make(clean)], positions=[-1])
        total.append([difference(model, row.logits, index) for row in rows])
    return (torch.tensor(total).mean(0) + MEAN) / (2 * MEAN)


def test_the_model_tells_the_names_apart(model: mw.HookedModel) -> None:
    found = [
        difference(model, model.run(with_start(model, text), positions=[-1]).logits, index)
        for index, (text, *_) in enumerate(PROMPTS)
    ]
    assert found == pytest.approx(DIFFERENCES, abs=PRINTED)
    assert sum(found) / len(found) == pytest.approx(MEAN, abs=PRINTED)


@pytest.mark.parametrize(
    ("part", "published"), [(mw.Residual, STREAM), (mw.Attention, ATTENTION), (mw.MLP, NEURONS)]
)
def test_where_the_answer_is(
    model: mw.HookedModel,
    part: Callable[..., mw.Residual],
    published: tuple[tuple[float, ...], ...],
) -> None:
    def make(clean: tuple[int, ...]) -> list[Intervention]:
        places = [(layer, position) for position in (REPEATED, END) for layer in range(12)]
        return [mw.Patch(part(layer, [position]), clean) for layer, position in places]

    found = recovered(model, make).reshape(2, 12)
    assert found.tolist()[0] == pytest.approx(published[0], abs=PRINTED)
    assert found.tolist()[1] == pytest.approx(published[1], abs=PRINTED)


def test_which_heads_carry_it(model: mw.HookedModel) -> None:
    found = recovered(model, lambda clean: [mw.Patch(mw.Head(*head), clean) for head in HEADS])
    assert found.tolist() == pytest.approx(list(HEADS.values()), abs=PRINTED)


def test_which_patterns_carry_it(model: mw.HookedModel) -> None:
    def make(clean: tuple[int, ...]) -> list[Intervention]:
        read = model.run(clean, read=["pattern"], positions=[-1]).read
        return [
            mw.ReplacePattern(mw.Head(layer, head), read["pattern", layer][0, head])
            for layer, head in PATTERNS
        ]

    assert recovered(model, make).tolist() == pytest.approx(list(PATTERNS.values()), abs=PRINTED)


def test_other_heads_make_up_for_a_name_mover(model: mw.HookedModel) -> None:
    """Zeroing head 9.9 at the end, in the folded convention: 3.55 becomes 2.92, not 0.57."""
    block = model.model.transformer.h[9]
    with torch.no_grad():
        *_, value = block.attn.c_attn(block.ln_1.bias).chunk(3)
    ablation = mw.SetValue(mw.Head(9, 9, [-1]), value.reshape(12, 64)[9])
    found = [
        difference(
            model, model.run(with_start(model, text), [ablation], positions=[-1]).logits, index
        )
        for index, (text, *_) in enumerate(PROMPTS)
    ]
    assert sum(found) / len(found) == pytest.approx(2.92, abs=0.006)
