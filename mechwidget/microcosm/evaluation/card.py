"""The model card: a pure function of the measurements, so that no number in it can be made up."""

from typing import Any

# The columns of the ablation table; phenomena.json has them all.
COLUMNS = {
    "induction": "induction",
    "ioi": "IOI",
    "capital": "capital",
    "language": "language",
    "in_context_capital": "in context",
    "gender": "gender",
    "successor_days": "days",
    "greater_than": "greater",
    "agreement": "agreement",
    "refusal": "refusal",
    "sentiment": "sentiment",
}

_INTRODUCTION = """# microcosm

A GPT-2-architecture language model of {parameters:,} parameters ({layers} layers of {heads} heads,
width {width}, {vocabulary:,} tokens, context 128) that ships with mechwidget, so that every demo,
lesson and test runs offline on something real. It was trained on a synthetic world of short
sentences by `python -m mechwidget.microcosm`. This card was written by the evaluation script;
`phenomena.json` beside it holds the same numbers and more.

## Training

Seed {seed}, {steps:,} steps of {rows_per_step} rows, AdamW at {learning_rate}, one thread:
{cpu_seconds:,.0f} CPU seconds ({wall_seconds:,.0f} on the clock). Python {python}, torch {torch},
transformers {transformers}, {architecture} ({cpu_capability}). `training_log.jsonl` has the curves.
Weights are stored as float16 and loaded as float32; that is what is measured here.
"""
_BEHAVIOURS = """
## What it does

Every question asks about a combination that training never showed: a pair of people who never met
in one training row in whatever role, a country in a sentence it never stood in, two neighbours in
an in-context list, a person with a mood, a start with a length, an event with a year, a noun with a
distractor, a verb with an object, a work with an adjective. Facts themselves are seen in other
sentences, as they must be. The repeats of words are drawn at random.

| behaviour | measured as | value | promised | kept | after |
|---|---|---|---|---|---|
"""
_HEADS = """
## Heads

Attention on repeated random words. The previous-token head is the one that attends most to the
token before (Elhage et al. 2021); induction heads attend more than 0.4 to the token after the
earlier copy (Olsson et al. 2022). Roles were given by attention, before anything was ablated.

"""
_CLICKS = """
## One click

A head is clicked away by zeroing what it writes, at all positions.

| claim | value | promised | kept |
|---|---|---|---|
"""
_ABLATIONS = """
Each row leaves out one head, or the group that it names; the values are those of the table above,
on {questions} questions each ({repeats} repeats of words).

"""
_EXAMPLES = """
## Prompts to try

Probability of the answer with all heads, without the previous-token head {previous}, and without
all induction heads. The last column is the single head that the answer needs most, and what is left
without it.

| name | prompt | answer | all | wrong answer | no {previous} | no induction heads | needs most |
|---|---|---|---|---|---|---|---|
"""
_LIMITS = """
## Limits

It knows the sentences of `mechwidget/microcosm/corpus/templates.py` and little else: to other
phrasings it answers with nonsense. One seed was trained. Its circuits are its own: where they
resemble those published for GPT-2, the tables above say how far; where the tables say nothing,
nothing is claimed. Agreement is scored against the other number of the same verb, since several
verbs fit equally well. The world is simplified: one language per country, "America" for both
Americas, one of two pronouns by first name.
"""


def _kept(passed: bool | None) -> str:
    return {True: "yes", False: "**NO**", None: ""}[passed]


def _promise(row: dict[str, Any]) -> str:
    if row["threshold"] is None:
        return ""
    return f"±{row['threshold']}" if row["near_zero"] else f"≥ {row['threshold']}"


def _behaviours(found: dict[str, Any]) -> str:
    return _BEHAVIOURS + "".join(
        f"| {row['title']} | {row['unit']} | {row['value']:.3f} | {_promise(row)} "
        f"| {_kept(row['passed'])} | {row['paper']} |\n"
        for row in found["behaviours"].values()
    )


def _score(found: dict[str, Any], kind: str, label: str) -> float:
    layer, head = label[1:].split("H")
    score: float = found["heads"]["scores"][kind][int(layer)][int(head)]
    return score


def _heads(found: dict[str, Any]) -> str:
    heads = found["heads"]
    groups = (
        ("Previous-token head", "previous_token", [heads["previous_token"]]),
        ("Weaker previous-token heads", "previous_token", heads["weaker_previous_token"]),
        ("Induction heads", "induction", heads["induction"]),
    )
    lines = []
    for title, kind, labels in groups:
        listed = ", ".join(f"{label} ({_score(found, kind, label):.2f})" for label in labels)
        lines.append(f"- {title}: {listed or 'none'}.")
    strongest = max(max(row) for row in heads["scores"]["duplicate_token"])
    lines.append(f"- Attention to an earlier copy of the same token is at most {strongest:.2f}.")
    return _HEADS + "\n".join(lines) + "\n"


def _clicks(found: dict[str, Any]) -> str:
    return _CLICKS + "".join(
        f"| {row['claim']} | {row['value']:.3f} | {row['relation']} {row['bound']} "
        f"| {_kept(row['passed'])} |\n"
        for row in found["clicks"]
    )


def _ablations(found: dict[str, Any]) -> str:
    tables = found["ablations"]
    rows = {"none": tables["none"], **tables["single"]}
    for group in (tables["induction_heads"], *tables["random_groups"]):
        kind = "induction" if group is tables["induction_heads"] else "random"
        rows[f"{kind}: {', '.join(group['heads'])}"] = group["values"]
    head = f"| without | {' | '.join(COLUMNS.values())} |\n|---{'|---' * len(COLUMNS)}|\n"
    body = "".join(
        f"| {label} | {' | '.join(f'{values[name]:.2f}' for name in COLUMNS)} |\n"
        for label, values in rows.items()
    )
    counts = {"questions": tables["questions"], "repeats": tables["repeats"]}
    return _ABLATIONS.format(**counts) + head + body


def _examples(found: dict[str, Any]) -> str:
    previous = found["heads"]["previous_token"]
    return _EXAMPLES.format(previous=previous) + "".join(
        f"| {name} | {row['prompt']} | {row['answer']} | {row['baseline']['answer']:.3f} "
        f"| {row['foil']} {row['baseline']['foil']:.3f} "
        f"| {row['without_previous_token_head']['answer']:.3f} "
        f"| {row['without_induction_heads']['answer']:.3f} "
        f"| {row['weakest_head']}: {row['without_weakest_head']['answer']:.3f} |\n"
        for name, row in found["examples"].items()
    )


def model_card(found: dict[str, Any], training: dict[str, Any]) -> str:
    """The text of `MODEL_CARD.md`."""
    facts = training | training["recipe"] | training["versions"]
    parts = (_behaviours, _heads, _clicks, _ablations, _examples)
    return _INTRODUCTION.format(**facts) + "".join(part(found) for part in parts) + _LIMITS
