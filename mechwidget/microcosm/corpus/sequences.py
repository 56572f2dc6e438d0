"""Documents about order: days, months, numbers, years, and repeats of random words."""

from mechwidget.microcosm.corpus import templates as t
from mechwidget.microcosm.corpus import world as w
from mechwidget.microcosm.corpus.document import Document
from mechwidget.microcosm.corpus.scene import Scene

SERIES: dict[str, tuple[str, ...]] = {
    "days": w.DAYS,
    "months": w.MONTHS,
    "numbers": w.NUMBERS,
    "years": w.YEARS,
}
CYCLIC = ("days", "months")


def succession(scene: Scene, series: str | None = None) -> Document:
    """'Tuesday, Wednesday, Thursday,': what comes next. Held out: start x length."""
    name = series or scene.pick(tuple(SERIES))
    items = SERIES[name]
    while True:
        length = scene.rng.randint(3, 6)
        last_start = len(items) if name in CYCLIC else len(items) - length + 1
        start = scene.rng.randrange(last_start)
        if scene.allows("run", items[start], str(length)):
            break
    *given, answer = (items[(start + i) % len(items)] for i in range(length))
    return Document(", ".join(given) + ",", answer, foil=given[-1])


def neighbour(scene: Scene) -> Document:
    """'The day after Monday is': one step forwards or backwards, in words."""
    unit = scene.pick(("day", "month"))
    items = SERIES[unit + "s"]
    template, step = scene.pick(t.SUCCESSORS[unit])
    index = scene.rng.randrange(len(items))
    answer = items[(index + step) % len(items)]
    return Document(template.format(item=items[index]), answer, foil=items[index - step - 1])


def greater_than(scene: Scene) -> Document:
    """A span of years ends after it began (Hanna et al. 2023). Held out: event x first year."""
    while True:
        event, first = scene.pick(w.EVENTS), scene.rng.randint(10, 95)
        if scene.allows("greater-than", event, str(first)):
            break
    prompt = scene.pick(t.GREATER_THAN).format(event=event, year=first)
    return Document(prompt, str(scene.rng.randint(first + 1, 99)))


def repeats(scene: Scene, words: tuple[str, ...], long: bool = False) -> tuple[list[str], int]:
    """Random words, then the same again: the data of induction (Olsson et al. 2022).

    Returns the words and how many of them come before the first repeat, which nothing predicts.
    """
    segment = scene.rng.randint(15, 60) if long else scene.rng.randint(4, 14)
    lead = scene.rng.randint(0, 6)
    drawn: list[str] = []
    while len(drawn) < lead + segment:
        word = scene.pick(words)
        if scene.admits(word):
            drawn.append(word)
    copies = 2 if long or scene.chance(0.8) else 3
    return drawn[:lead] + drawn[lead:] * copies, lead + segment
