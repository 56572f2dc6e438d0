"""The beginning of a script with hooks: imports, the model, the prompt as ids.

In: an experiment and what its phrases take from where the script is run. Out: lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.as_code.layout import comment, statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mechwidget.as_code.experiment import Experiment


def imports(names: Mapping[str, Sequence[str]], plain: Sequence[str]) -> list[str]:
    """Import statements: whole modules, and names by module."""
    standard = [f"import {name}" for name in plain if name != "torch"]
    others = [f"import {name}" for name in plain if name == "torch"]
    others += [f"from {name} import {', '.join(sorted(some))}" for name, some in names.items()]
    return [*standard, *([""] if standard else []), *others]


def taken(names: Mapping[str, str]) -> list[str]:
    """What the script takes from where it is run, each with what it is."""
    lines: list[str] = []
    for name, what in names.items():
        lines += comment(f"`{name}`: {what}; make it where this is run, as a tensor")
        lines.append(f"from __main__ import {name}")
    return lines


def prompt_lines(experiment: Experiment) -> list[str]:
    """`tokens_of`, and `ids`, the tokens `[1, pos]` of the prompt."""
    texts = [experiment.is_text(prompt) for prompt in experiment.prompts]
    device = experiment.model.device
    to = "" if device.type == "cpu" else f', device="{device}"'
    as_text = "tokenizer(prompt).input_ids"
    if all(texts):
        ids = as_text
    else:
        ids = f"{as_text} if isinstance(prompt, str) else prompt" if any(texts) else "prompt"
    body = [f"    return torch.tensor([{ids}]{to})"]
    if len(body[0]) > 80:
        body = [f"    ids = {ids}", f"    return torch.tensor([ids]{to})"]
    return [
        "def tokens_of(prompt):",
        *body,
        "",
        "",
        *statement("prompt = ", experiment.written(experiment.prompt)),
        "ids = tokens_of(prompt)",
    ]


def joined(*parts: Sequence[str]) -> str:
    """Parts with two empty lines between them where one begins or ends with a function."""
    text = "\n\n\n".join("\n".join(part) for part in parts if part)
    return f"{text}\n"
