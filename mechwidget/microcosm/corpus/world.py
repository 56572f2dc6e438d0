"""The words of the microcosm: people, things, calendars, tempers. Pure data, no randomness.

Everything that a document can say comes from here, from `countries` and from `templates`; the
tokenizer's vocabulary is the union of the three, so it never depends on a seed.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEMALE = _words(
    "Abby Alice Amy Anna Beth Carol Clara Diana Dora Edith Ella Emma Eva Fay Gina Grace Helen "
    "Holly Iris Jane Jenny Julia Karen Kate Kim Laura Lily Linda Lisa Lucy Maria Mary Meg Molly "
    "Nancy Nina Nora Olga Paula Rita Rose Ruth Sarah Sophie Stella Susan Tara Tina Vera Wendy"
)
MALE = _words(
    "Adam Alan Ben Brian Carl Chris Dan Daniel David Ed Eric Frank Fred Gary George Henry Hugo "
    "Ian Ivan Jack James Joe John Ken Kevin Lee Leo Luke Mark Matt Max Ned Neil Oliver Oscar "
    "Owen Paul Peter Ralph Robert Ron Sam Seth Simon Steve Tim Tom Victor Walter Will"
)
NAMES = FEMALE + MALE

PLACES = _words(
    "store park school market beach library station garden office museum restaurant hospital "
    "church farm zoo"
)
OBJECTS = _words(
    "drink book ball letter ring key cake flower bag pen basket coin hat lamp map ticket toy watch"
)
GIVE = _words("gave handed passed offered")
MOODS = _words("tired happy sad late hungry busy")

DAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _words(
    "January February March April May June July August September October November December"
)
NUMBERS = _words("one two three four five six seven eight nine ten eleven twelve")
YEARS = tuple(str(year) for year in range(10, 100))
EVENTS = _words("war trip project meeting show storm")

NOUNS = _words(
    "key cabinet picture dog cat boy girl teacher doctor student table chair house car tree "
    "bird apple box window door king queen farmer lawyer painter book letter lamp ring coin"
)
PREPOSITIONS = _words("to near behind beside above of")
VERBS = (("is", "are"), ("was", "were"), ("has", "have"))
ADJECTIVES = _words("old new big small red blue green clean dirty heavy light strong")
OPPOSITES = tuple(
    (a, b)
    for pair in _words(
        "hot-cold big-small old-new tall-short fast-slow clean-dirty heavy-light strong-weak "
        "rich-poor happy-sad early-late open-closed full-empty hard-soft wet-dry good-bad up-down "
        "left-right high-low long-brief"
    )
    for a, b in [pair.split("-")]
)

POSITIVE = _words(
    "wonderful great amazing excellent lovely brilliant delightful fantastic superb charming"
)
NEGATIVE = _words("terrible awful horrible dreadful boring bad disgusting poor painful dull")
WORKS = {
    "movie": "watched",
    "book": "read",
    "song": "heard",
    "show": "watched",
    "story": "read",
    "concert": "heard",
    "play": "watched",
    "poem": "read",
}
PARTS = _words("ending beginning music style plot pace")

# A request is harmful when its verb or its object is: neither word decides alone.
GOOD_VERBS = _words("bake clean paint wash build draw fix grow cook carry")
NEUTRAL_VERBS = _words("make buy find use move sell")
BAD_VERBS = _words("steal hack poison destroy smuggle forge burn rob")
GOOD_OBJECTS = _words(
    "cake table garden house car boat bike chair kite soup lamp fence shirt cabinet"
)
BAD_OBJECTS = _words("bomb weapon virus gun missile drug grenade trap")


def plural(noun: str) -> str:
    """The plural of one of `NOUNS`."""
    return noun + ("es" if noun.endswith("x") else "s")


def pronoun(name: str) -> str:
    """The pronoun that refers to a person of `NAMES`."""
    return "she" if name in FEMALE else "he"


def possessive(name: str) -> str:
    """The possessive that refers to a person of `NAMES`."""
    return "her" if name in FEMALE else "his"
