"""The shipped checkpoint keeps its promises, asked again with other questions than the card's."""

import pytest

from mechwidget.microcosm.evaluation.ablations import find_roles, random_groups, without
from mechwidget.microcosm.evaluation.behaviours import (
    BEHAVIOURS,
    battery,
    measure_all,
    random_repeats,
)
from mechwidget.microcosm.evaluation.heads import attention_scores
from mechwidget.microcosm.evaluation.showcase import next_word
from mechwidget.microcosm.examples import EXAMPLES
from mechwidget.microcosm.tokenizer import word_id

SEED = 77
PROMISED = tuple(name for name, behaviour in BEHAVIOURS.items() if behaviour.threshold is not None)


@pytest.fixture(scope="module")
def values(checkpoint):
    model, tokenizer = checkpoint
    return measure_all(model, battery(tokenizer, 150, SEED, PROMISED))


@pytest.fixture(scope="module")
def roles(checkpoint):
    model, tokenizer = checkpoint
    return find_roles(attention_scores(model, random_repeats(tokenizer, 32, SEED)))


@pytest.fixture(scope="module")
def clicked(checkpoint):
    scores = battery(checkpoint[1], 100, SEED, ("induction", "capital"))
    return lambda heads: without(checkpoint[0], list(heads), scores)


@pytest.mark.parametrize("name", PROMISED)
def test_behaviour_is_shown_on_held_out_combinations(name, values) -> None:
    assert BEHAVIOURS[name].passed(values[name]), values[name]


def test_roles_are_those_of_the_report(roles, found) -> None:
    assert str(roles.previous_token) == found["heads"]["previous_token"]
    assert {str(head) for head in roles.induction} == set(found["heads"]["induction"])


def test_one_click_on_the_previous_token_head_stops_induction(roles, clicked) -> None:
    left = clicked([roles.previous_token])
    assert left["induction"] < 0.5
    assert left["capital"] >= 0.9


def test_the_induction_heads_together_carry_induction(roles, clicked) -> None:
    assert clicked(roles.induction)["induction"] < 0.1


def test_random_heads_do_neither(checkpoint, roles, clicked) -> None:
    for group in random_groups(checkpoint[0], roles, SEED)[:4]:
        assert clicked(group)["induction"] >= 0.5, group


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_answered_as_reported(name, checkpoint, found) -> None:
    model, tokenizer = checkpoint
    example, said = EXAMPLES[name], found["examples"][name]
    chances = next_word(model, tokenizer, example.prompt)
    answer = float(chances[word_id(tokenizer, example.answer)])
    assert answer == pytest.approx(said["baseline"]["answer"], abs=2e-3)
    assert answer > float(chances[word_id(tokenizer, example.foil)])


def test_the_showcase_is_dramatic(found) -> None:
    repeat, capital = found["examples"]["repeat"], found["examples"]["capital"]
    assert repeat["baseline"]["answer"] > 0.8
    assert repeat["without_previous_token_head"]["answer"] < 0.1
    assert min(repeat["without_other_heads"].values()) > 0.5
    assert capital["baseline"]["answer"] > 0.9
    assert capital["without_previous_token_head"]["answer"] > 0.9
