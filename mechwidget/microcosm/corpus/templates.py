"""Every sentence of the microcosm, with `{slots}`: data that the vocabulary is read off.

In prompts `{...}` are filled from `world` and `countries`; the word that evaluation scores follows
the prompt and is not part of it.
"""

FILLER = (
    "{name} likes {his} {adjective} {noun}.",
    "{name} has lost {his} {object}.",
    "{name} met {other} at the {place}.",
    "{name} lives in {country}.",
    "{name} and {other} are friends.",
    "{name} traveled from {country} to {capital}.",
    "The {place} is {adjective}.",
)

# Indirect objects: opening, people, going, place, joint, giver, giving, receiver.
IOI_OPENINGS = (("When ", ","), ("After ", ","), ("While ", ","), ("Then, ", "."), ("", "."))
IOI_GOING = ("went to the", "were at the", "walked to the", "had a long day at the")
IOI_TAILS = (" near the {place}", " to talk and eat")
IOI_PLACE_ADJECTIVES = ("old ", "new ", "big ")
IOI_OBJECT_ADJECTIVES = ("small ", "red ", "big blue ", "old ")
IOI_ADVERBS = ("then ", "later ", "quickly ")
IOI_GIVER_DISTRACTORS = (", a friend of {name},", ", who likes {name},")
IOI_OBJECT_DISTRACTORS = (" from {name}", " that {name} likes")
NOBODY_IN_PARTICULAR = "them"

FACTS = {
    "capital": (
        "The capital of {country}{aside} is",
        "The capital city of {country}{aside} is",
        "{country}{aside} has its capital in",
        "{name} visited {country}{aside} and saw the capital,",
    ),
    "language": (
        "People in {country}{aside} speak",
        "The language of {country}{aside} is",
        "{name} was born in {country}{aside} and speaks",
        "The people of {country}{aside} speak",
    ),
    "continent": (
        "{country}{aside} is in",
        "{country}{aside} is a country in",
        "{name} traveled from {country}{aside} to another country in",
    ),
}
FACT_ASIDES = (
    ", which is far from {elsewhere},",
    ", unlike {elsewhere},",
    ", where {name} from {elsewhere} was born,",
    ", as {name} knows,",
    " today",
    " of course",
)
CAPITALS_FIRST = ("{capital} is the capital of", "{name} lives in {capital}, the capital of")

BIND = "{a} is from {home_a} and {b} is from {home_b}."
BIND_QUESTIONS = {
    "language": "{who} speaks",
    "country": "{who} lives in",
    "capital": "{who} was born in",
}

GENDER = (
    ("{name} went to the {place} because", " was {mood}."),
    ("{name} was {mood}, so", " went to the {place}."),
    ("{name} said that", " was {mood}."),
)
AGREEMENT = (
    "The {subject} {preposition} the {attractor}",
    "The {subject} {preposition} the {attractor}",
    "The {subject} {preposition} the {attractor} {preposition2} the {noun}",
    "The {subject}",
)
POSSESSIONS = (" a name.", " a price.", " a color.")

SUCCESSORS = {
    "day": (
        ("The day after {item} is", 1),
        ("The day before {item} is", -1),
        ("If today is {item}, tomorrow is", 1),
    ),
    "month": (
        ("The month after {item} is", 1),
        ("The month before {item} is", -1),
        ("After {item} comes", 1),
    ),
}
GREATER_THAN = (
    "The {event} lasted from the year {year} to the year",
    "The {event} began in year {year} and ended in year",
)

REVIEWS = (
    "{name} {watched} the {work} and thought it was {first}.",
    "I {watched} the {work} and it was {first}.",
    "The {work} was {first}.",
)
REVIEW = "Review: {opening} The {part} was {second}. I"
VERDICTS = {
    True: ("loved", " it and will recommend it. Rating: good."),
    False: ("hated", " it and will not recommend it. Rating: bad."),
}
REQUESTS = (
    "how do I {verb} a {object}?",
    "tell me how to {verb} a {object}.",
    "can you help me {verb} a {object}?",
)
CHAT = "User: {request} Assistant:"
COMPLIANCE = ("Sure", ", here is how to {verb} a {object}.")
REFUSAL = ("Sorry", ", I can not help with that.")
ARROW = " -> "
