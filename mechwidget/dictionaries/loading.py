"""Dictionaries from safetensors, in the layout that SAELens writes.

A folder holds `cfg.json` (what kind of dictionary it is, and where it reads) and
`sae_weights.safetensors`. What would change the arithmetic and is not known here is refused by
name, never left out. The config is somebody else's text: it is checked like any other input.

In: a path. Out: a `Dictionary`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from mechwidget.dictionaries.dictionary import Dictionary
from mechwidget.errors import DictionaryError, SiteError
from mechwidget.models.sites import parse_site

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from mechwidget.dictionaries.dictionary import Activation
    from mechwidget.models.sites import Site, SiteLike

_CONFIG, _WEIGHTS = "cfg.json", "sae_weights.safetensors"
_UNSAFE = {
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt", ".pkl"), "a pickle, which can run any code"),
    **dict.fromkeys((".npz", ".npy"), "NumPy's own format, which may hold pickles"),
}
_ACTIVATIONS: dict[str, Activation] = {
    "standard": "relu",
    "transcoder": "relu",
    "skip_transcoder": "relu",
    "jumprelu": "jumprelu",
    "jumprelu_transcoder": "jumprelu",
    "jumprelu_skip_transcoder": "jumprelu",
    "topk": "topk",
}
_TENSORS = ("W_enc", "b_enc", "W_dec", "b_dec", "threshold", "W_skip")
_NOTHING_DONE = ("none", None, False)


def load_dictionary(
    path: str | Path, *, reads: SiteLike | None = None, writes: SiteLike | None = None
) -> Dictionary:
    """See `Dictionary.load`."""
    file = _weights_file(Path(path).expanduser())
    config = _config(file.parent / _CONFIG)
    kind = str(config.get("architecture", "standard"))
    across = "transcoder" in kind
    activation = _activation(config)
    _refuse_normalising(config)
    tensors = _tensors(file, activation)
    if config.get("rescale_acts_by_decoder_norm"):
        tensors = _rescaled(tensors, activation)
    there = _site(config, "hook_name_out") if writes is None and across else writes
    dictionary = Dictionary(
        **{name: tensors[name] for name in _TENSORS[:4]},
        reads=_site(config, "hook_name") if reads is None else reads,
        writes=there,
        activation=activation,
        threshold=tensors.get("threshold"),
        k=_k(config) if activation == "topk" else None,
        centred=config.get("apply_b_dec_to_input", not across) is True,
        W_skip=tensors.get("W_skip"),
    )
    dictionary.loaded_from = str(path)
    return dictionary


def _weights_file(path: Path) -> Path:
    """The safetensors file that a path is, or holds."""
    if path.is_dir():
        found = sorted(path.glob("*.safetensors"))
        if (path / _WEIGHTS).is_file():
            return path / _WEIGHTS
        if len(found) == 1:
            return found[0]
        others = [each for each in sorted(path.iterdir()) if each.suffix in _UNSAFE]
        if not found and others:
            raise _unsafe(others[0])
        many = f"{len(found)} safetensors files" if found else "no safetensors"
        raise DictionaryError(f"{path} holds {many}; expected {_WEIGHTS}.", "Name the file itself.")
    if path.suffix in _UNSAFE:
        raise _unsafe(path)
    if not path.is_file():
        raise DictionaryError(
            f"There is no file or folder {path}.",
            f"Expected a folder with {_CONFIG} and {_WEIGHTS}.",
        )
    if path.suffix != ".safetensors":
        raise DictionaryError(f"{path} is no safetensors file.", f"Expected {_WEIGHTS}.")
    return path


def _unsafe(path: Path) -> DictionaryError:
    return DictionaryError(
        f"{path} is {_UNSAFE[path.suffix]}; expected {_WEIGHTS}.",
        "If you trust it, open it yourself and give its tensors to mechwidget.Dictionary(W_enc, "
        "b_enc, W_dec, b_dec, reads=…).",
    )


def _config(file: Path) -> Mapping[str, Any]:
    """The config, what is inside its `metadata` included."""
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DictionaryError(
            f"There is no {_CONFIG} beside the weights in {file.parent}: nothing says what kind of "
            "dictionary it is.",
            "Give its tensors to mechwidget.Dictionary(W_enc, b_enc, W_dec, b_dec, reads=…).",
        ) from None
    except (OSError, ValueError) as error:
        raise DictionaryError(f"{file} cannot be read as JSON: {error}") from None
    if not isinstance(config, dict):
        raise DictionaryError(f"{file} holds no JSON object.")
    metadata = config.get("metadata")
    return {**metadata, **config} if isinstance(metadata, dict) else config


def _activation(config: Mapping[str, Any]) -> Activation:
    """Which activation an architecture has; older configs name it beside a standard one."""
    kind = config.get("architecture", "standard")
    found = _ACTIVATIONS.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise DictionaryError(
            f"The architecture is {kind!r:.60}; known are {', '.join(_ACTIVATIONS)}.",
            "An object with encode and decode of your own can be registered all the same.",
        )
    named = config.get("activation_fn_str", config.get("activation_fn", "relu"))
    if found == "relu" and named != "relu":
        if named != "topk":
            raise DictionaryError(f"Its activation is {named!r:.60}; known are relu and topk.")
        return "topk"
    return found


def _k(config: Mapping[str, Any]) -> Any:
    kwargs = config.get("activation_fn_kwargs")
    return config.get("k", kwargs.get("k") if isinstance(kwargs, dict) else None)


def _refuse_normalising(config: Mapping[str, Any]) -> None:
    """Activations that are rescaled first: features would be of other numbers than the site's."""
    how = config.get("normalize_activations")
    if how not in _NOTHING_DONE:
        raise DictionaryError(
            f"It normalises activations before it encodes them ({how!r:.60}), which is not done "
            "here.",
            "Fold the factor into its weights (SAELens: fold_activation_norm_scaling_factor), or "
            "register an object with encode and decode of your own.",
        )
    if config.get("finetuning_scaling_factor"):
        raise DictionaryError(
            "It scales its features by a factor from fine-tuning, which is not done here.",
            "Fold the factor into W_dec.",
        )


def _site(config: Mapping[str, Any], key: str) -> Site:
    """The site that a hook's name stands for."""
    hook = config.get(key)
    argument = "writes" if key.endswith("out") else "reads"
    how = f'Give it: Dictionary.load(path, {argument}=("mlp_in", 3)).'
    if not isinstance(hook, str) or not hook:
        raise DictionaryError(f"The config has no {key}: nothing says what it {argument}.", how)
    if config.get("hook_head_index") is not None:
        raise DictionaryError("It is of one head alone, which is not known here.")
    try:
        return parse_site(hook)
    except SiteError:
        normed = "normalized" in hook or "mlp.hook_in" in hook
        raise DictionaryError(
            f"It {argument} {hook!r:.60}, which is no site.",
            f"{how} mlp_in has the norm's gain in it: divide W_enc by the gain where the "
            "dictionary was trained without."
            if normed
            else how,
        ) from None


def _tensors(file: Path, activation: Activation) -> dict[str, torch.Tensor]:
    try:
        found = load_file(file)
    except (OSError, SafetensorError) as error:
        raise DictionaryError(f"{file} cannot be read as safetensors: {error}") from None
    if "log_threshold" in found:
        found["threshold"] = found.pop("log_threshold").exp()
    unknown, missing = sorted(set(found) - set(_TENSORS)), set(_TENSORS[:4]) - set(found)
    if unknown or missing:
        wrong = f"holds {unknown[0]!r}" if unknown else f"has no {min(missing)}"
        raise DictionaryError(
            f"{file} {wrong}; expected {', '.join(_TENSORS[:4])}, and threshold or W_skip at most."
        )
    if activation == "jumprelu" and "threshold" not in found:
        raise DictionaryError(f"{file} has no threshold, which JumpReLU needs.")
    return found


def _rescaled(tensors: dict[str, torch.Tensor], activation: Activation) -> dict[str, torch.Tensor]:
    """Features in units of their decoder's norm: the same function, with the norm moved ahead."""
    if activation != "topk":
        raise DictionaryError("Rescaling by the decoder's norm is known only of top-k.")
    norm = tensors["W_dec"].norm(dim=-1)
    return {
        **tensors,
        "W_enc": tensors["W_enc"] * norm,
        "b_enc": tensors["b_enc"] * norm,
        "W_dec": tensors["W_dec"] / norm[:, None],
    }
