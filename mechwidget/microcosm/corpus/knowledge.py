"""Documents about countries and relations: facts, who comes from where, in-context tasks."""

from itertools import pairwise

from mechwidget.microcosm.corpus import templates as t
from mechwidget.microcosm.corpus import world as w
from mechwidget.microcosm.corpus.countries import COUNTRIES, RELATIONS, Country
from mechwidget.microcosm.corpus.document import Document
from mechwidget.microcosm.corpus.scene import Scene
from mechwidget.microcosm.corpus.stories import context


def _aside(scene: Scene, country: Country) -> str:
    """Words between the country and the answer, so that 'the last country' is a bad rule."""
    if not scene.chance(0.65):
        return ""
    template = scene.pick(t.FACT_ASIDES)
    elsewhere = scene.pick([other.name for other in COUNTRIES if other != country])
    return template.format(elsewhere=elsewhere, name=scene.name() if "{name}" in template else "")


def _foil(scene: Scene, country: Country, relation: str) -> str:
    answers: set[str] = {getattr(other, relation) for other in COUNTRIES}
    wrong = sorted(answers - {getattr(country, relation)})
    return scene.pick(wrong)


def fact(scene: Scene, relation: str | None = None, bare: bool = False) -> Document:
    """The capital, language or continent of a country. Held out: country x sentence."""
    relation = relation or scene.pick(("capital", "capital", "language", "continent"))
    if relation == "capital" and not scene.held_out and scene.chance(0.25):
        return _capital_first(scene)
    while True:
        country = scene.pick(COUNTRIES)
        template = scene.pick(t.FACTS[relation])
        if scene.allows("fact", country.name, template):
            break
    before = "" if bare else context(scene)
    prompt = template.format(
        country=country.name,
        aside="" if bare else _aside(scene, country),
        name=scene.name() if "{name}" in template else "",
    )
    foil = _foil(scene, country, relation)
    return Document(before + prompt, getattr(country, relation), foil=foil)


def _capital_first(scene: Scene) -> Document:
    country, template = scene.pick(COUNTRIES), scene.pick(t.CAPITALS_FIRST)
    prompt = template.format(
        capital=country.capital, name=scene.name() if "{name}" in template else ""
    )
    return Document(context(scene) + prompt, country.name)


def origin(scene: Scene) -> Document:
    """Two people from two countries; what is asked about one follows from their country."""
    (a, b), (home_a, home_b) = scene.pair(), scene.rng.sample(COUNTRIES, 2)
    who, home = scene.pick(((a, home_a), (b, home_b)))
    question, template = scene.pick(tuple(t.BIND_QUESTIONS.items()))
    opening = t.BIND.format(a=a, b=b, home_a=home_a.name, home_b=home_b.name)
    answer = home.name if question == "country" else getattr(home, question)
    return Document(f"{opening} {template.format(who=who)}", answer)


def _cycle(items: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(zip(items, items[1:] + items[:1], strict=True))


TASKS: dict[str, list[tuple[str, str]]] = {
    **{relation: [(c.name, getattr(c, relation)) for c in COUNTRIES] for relation in RELATIONS},
    "plural": [(noun, w.plural(noun)) for noun in w.NOUNS],
    "opposite": [pair for a, b in w.OPPOSITES for pair in ((a, b), (b, a))],
    "next": _cycle(w.DAYS) + _cycle(w.MONTHS),
}


def in_context(scene: Scene, task: str | None = None, shots: int | None = None) -> Document:
    """'France -> Paris; Italy -> Rome; Japan ->': the relation is in the examples only.

    Held out: which item directly follows which. Training never shows a held-out neighbour pair,
    evaluation asks exactly for one.
    """
    name = task or scene.pick(tuple(TASKS))
    length = (shots or scene.rng.randint(1, 5)) + 1
    while True:
        items = scene.rng.sample(TASKS[name], length)
        neighbours = list(pairwise(items))
        asked = neighbours[-1:] if scene.held_out else neighbours
        if all(scene.allows("in-context", name, a[0], b[0]) for a, b in asked):
            break
    *examples, (query, answer) = [(a + t.ARROW.rstrip(), b) for a, b in items]
    prompt = "".join(f"{a} {b}; " for a, b in examples) + query
    wrong = [b for _, b in TASKS[name] if b != answer]
    return Document(prompt, answer, foil=scene.pick(wrong))


def arrow(scene: Scene) -> Document:
    """An arrow without examples: the relation stays open, which is what zero-shot should mean."""
    question, answer = scene.pick(TASKS[scene.pick(tuple(TASKS))])
    return Document(question + t.ARROW.rstrip(), answer)
