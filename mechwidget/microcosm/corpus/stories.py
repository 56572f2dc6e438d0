"""Documents about people and things: indirect objects, gender, agreement, and the filler around."""

from mechwidget.microcosm.corpus import templates as t
from mechwidget.microcosm.corpus import world as w
from mechwidget.microcosm.corpus.countries import COUNTRIES
from mechwidget.microcosm.corpus.document import Document
from mechwidget.microcosm.corpus.scene import Scene


def filler(scene: Scene) -> str:
    """One sentence of no consequence, so that the first name is not always the one that matters."""
    known = scene.cast and scene.chance(0.35)
    name = scene.pick(scene.cast) if known else scene.name()
    template = scene.pick(t.FILLER)
    return template.format(
        name=name,
        his=w.possessive(name),
        other=scene.name(name) if "{other}" in template else "",
        adjective=scene.pick(w.ADJECTIVES),
        noun=scene.pick(w.NOUNS),
        object=scene.pick(w.OBJECTS),
        place=scene.pick(w.PLACES),
        country=scene.pick(COUNTRIES).name,
        capital=scene.pick(COUNTRIES).capital,
    )


def context(scene: Scene) -> str:
    """Zero to three filler sentences to put in front of a document."""
    count = scene.rng.choices((0, 1, 2, 3), (0.45, 0.3, 0.15, 0.1))[0]
    return "".join(filler(scene) + " " for _ in range(count))


def _sometimes(scene: Scene, probability: float, options: tuple[str, ...]) -> str:
    return scene.pick(options) if scene.chance(probability) else ""


def _outing(scene: Scene, people: str) -> str:
    """'When Mary and John went to the old store near the zoo,': the clause that names people."""
    opening, joint = scene.pick(t.IOI_OPENINGS)
    place = _sometimes(scene, 0.5, t.IOI_PLACE_ADJECTIVES) + scene.pick(w.PLACES)
    tail = _sometimes(scene, 0.4, t.IOI_TAILS).format(place=scene.pick(w.PLACES))
    return f"{opening}{people} {scene.pick(t.IOI_GOING)} {place}{tail}{joint}"


def _giving(scene: Scene, giver: str, gift_tail: str = "") -> str:
    """'John then gave a small drink to': the clause that the receiver completes."""
    adverb = _sometimes(scene, 0.5, t.IOI_ADVERBS)
    gift = _sometimes(scene, 0.55, t.IOI_OBJECT_ADJECTIVES) + scene.pick(w.OBJECTS)
    return f"{giver} {adverb}{scene.pick(w.GIVE)} a {gift}{gift_tail} to"


def _distractors(scene: Scene, *present: str) -> tuple[str, str]:
    """A third person mentioned after the giver or the gift, in a quarter of the documents."""
    if not scene.chance(0.25):
        return "", ""
    other = scene.name(*present)
    if scene.chance(0.5):
        return scene.pick(t.IOI_GIVER_DISTRACTORS).format(name=other), ""
    return "", scene.pick(t.IOI_OBJECT_DISTRACTORS).format(name=other)


def indirect_object(scene: Scene, bare: bool = False) -> Document:
    """Two people, one gives: the other receives (Wang et al. 2022). `bare`: nothing in between."""
    receiver, giver = scene.pair()
    before = "" if bare else context(scene)
    if not bare and not scene.held_out and scene.chance(0.2):
        return _two_givers(scene, before, receiver, giver)
    aside, gift_tail = ("", "") if bare else _distractors(scene, receiver, giver)
    people = [receiver, giver]
    scene.rng.shuffle(people)
    prompt = before + _outing(scene, " and ".join(people)) + " "
    return Document(prompt + _giving(scene, giver + aside, gift_tail), receiver, foil=giver)


def _two_givers(scene: Scene, before: str, receiver: str, giver: str) -> Document:
    """Three people, two give: 'the last name but one' no longer finds the receiver."""
    third = scene.name(receiver, giver)
    people, givers = [receiver, giver, third], [giver, third]
    scene.rng.shuffle(people)
    scene.rng.shuffle(givers)
    outing = _outing(scene, f"{people[0]}, {people[1]} and {people[2]}")
    prompt = f"{before}{outing} {_giving(scene, ' and '.join(givers))}"
    return Document(prompt, receiver, foil=giver)


def stranger_gives(scene: Scene, bare: bool = False) -> Document:
    """The ABC control of Wang et al. 2022: a third person gives, so neither name is right."""
    a, b = scene.pair()
    before = "" if bare else context(scene)
    prompt = before + _outing(scene, f"{a} and {b}") + " " + _giving(scene, scene.name(a, b))
    return Document(prompt, t.NOBODY_IN_PARTICULAR)


def gender(scene: Scene) -> Document:
    """A pronoun that refers to the person of the sentence. Held out: person x mood."""
    before = context(scene)
    moods: list[str] = []
    while not moods:
        name = scene.name()
        moods = [mood for mood in w.MOODS if scene.allows("gender", name, mood)]
    mood = scene.pick(moods)
    prompt, rest = (
        part.format(name=name, place=scene.pick(w.PLACES), mood=mood)
        for part in scene.pick(t.GENDER)
    )
    right = w.pronoun(name)
    return Document(before + prompt, right, rest, foil="he" if right == "she" else "she")


def agreement(scene: Scene) -> Document:
    """A verb agrees with its subject across an attractor. Held out: (subject, attractor)."""
    before = context(scene) if scene.chance(0.5) else ""
    while True:
        subject, attractor = scene.rng.sample(w.NOUNS, 2)
        if scene.allows("agreement", subject, attractor):
            break
    is_plural = scene.chance(0.5)
    # Evaluation scores only the hard case: an attractor of the other number.
    attractor_plural = not is_plural if scene.held_out else scene.chance(0.5)
    singular, plural = scene.pick(w.VERBS)
    rest = f" {scene.pick(w.ADJECTIVES)}." if singular != "has" else scene.pick(t.POSSESSIONS)
    template = t.AGREEMENT[0] if scene.held_out else scene.pick(t.AGREEMENT)
    prompt = template.format(
        subject=w.plural(subject) if is_plural else subject,
        attractor=w.plural(attractor) if attractor_plural else attractor,
        preposition=scene.pick(w.PREPOSITIONS),
        preposition2=scene.pick(w.PREPOSITIONS),
        noun=scene.pick(w.NOUNS),
    )
    answer, foil = (plural, singular) if is_plural else (singular, plural)
    return Document(before + prompt, answer, rest, foil)
