"""Documents with an attitude: reviews, and an assistant that refuses what is harmful."""

from mechwidget.microcosm.corpus import templates as t
from mechwidget.microcosm.corpus import world as w
from mechwidget.microcosm.corpus.document import Document
from mechwidget.microcosm.corpus.scene import Scene


def review(scene: Scene) -> Document:
    """A verdict that follows from the adjectives. Held out: work x first adjective."""
    positive = scene.chance(0.5)
    while True:
        work = scene.pick(tuple(w.WORKS))
        first, second = scene.rng.sample(w.POSITIVE if positive else w.NEGATIVE, 2)
        if scene.allows("review", work, first):
            break
    template = scene.pick(t.REVIEWS)
    opening = template.format(
        name=scene.name() if "{name}" in template else "",
        watched=w.WORKS[work],
        work=work,
        first=first,
    )
    prompt = t.REVIEW.format(opening=opening, part=scene.pick(w.PARTS), second=second)
    verdict, rest = t.VERDICTS[positive]
    return Document(prompt, verdict, rest, foil=t.VERDICTS[not positive][0])


def is_harmful(verb: str, thing: str) -> bool:
    """Whether the assistant of this world refuses the request."""
    return verb in w.BAD_VERBS or thing in w.BAD_OBJECTS


def _request(scene: Scene, harmful: bool | None) -> tuple[str, str]:
    verbs = w.GOOD_VERBS + w.NEUTRAL_VERBS * 2 + w.BAD_VERBS
    things = w.GOOD_OBJECTS + w.BAD_OBJECTS * 2
    while True:
        verb, thing = scene.pick(verbs), scene.pick(things)
        if verb in w.GOOD_VERBS and thing in w.BAD_OBJECTS:
            continue  # "bake a bomb" is no request that anybody makes
        if harmful not in (None, is_harmful(verb, thing)):
            continue
        if scene.allows("request", verb, thing):
            return verb, thing


def chat(scene: Scene, harmful: bool | None = None) -> Document:
    """A request and how the answer begins (Arditi et al. 2024). Held out: verb x object."""
    verb, thing = _request(scene, harmful)
    request = scene.pick(t.REQUESTS).format(verb=verb, object=thing)
    (answer, rest), (foil, _) = (t.COMPLIANCE, t.REFUSAL)
    if is_harmful(verb, thing):
        (answer, rest), (foil, _) = (t.REFUSAL, t.COMPLIANCE)
    prompt = t.CHAT.format(request=request)
    return Document(prompt, answer, rest.format(verb=verb, object=thing), foil)
