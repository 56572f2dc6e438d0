"""A dictionary of features as plain tensors: encode, decode, and one feature of it alone.

With x what flows at the site that is read, `[d_in]` at each position:

    pre = (x - b_dec) · W_enc + b_enc, or x · W_enc + b_enc where `centred` is False
    f   = relu(pre); pre where it is above `threshold`, else 0 (JumpReLU, Rajamanoharan et al.
          2024, arXiv 2407.14435); or relu of the k largest and 0 for the rest (top-k, Gao et al.
          2024, arXiv 2406.04093)
    x̂   = f · W_dec + b_dec (+ W_skip · x of a skip transcoder, which no feature has a part in)

The arithmetic is done in the dtype of the tensors, on the device of what is encoded.

In: tensors, or a file (see `loading`). Out: activations of features, and what they stand for.
"""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, get_args

from mechwidget.dictionaries.contract import site_pair
from mechwidget.errors import DictionaryError

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from mechwidget.models.sites import SiteLike

Activation = Literal["relu", "jumprelu", "topk"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
_AXES = {
    "W_enc": ("d_in", "n_features"),
    "b_enc": ("n_features",),
    "W_dec": ("n_features", "d_out"),
    "b_dec": ("d_out",),
    "threshold": ("n_features",),
    "W_skip": ("d_out", "d_in"),
}


class Dictionary:
    """A sparse autoencoder, or with `writes` a transcoder.

    Args:
        W_enc: `[d_in, n_features]`; b_enc: `[n_features]`.
        W_dec: `[n_features, d_out]`; b_dec: `[d_out]`.
        reads: the site that it reads, e.g. `("resid_pre", 3)` or `"blocks.3.hook_resid_pre"`.
        writes: the site that it writes; None is the one that it reads.
        activation: "relu", "jumprelu" with a `threshold`, or "topk" with a `k`.
        threshold: `[n_features]`; k: how many features are active at once at most.
        centred: whether b_dec is taken away before encoding.
        W_skip: `[d_out, d_in]`, the linear path of a skip transcoder.

    Raises:
        DictionaryError: shapes that do not fit together, or a site that no dictionary can be of.
    """

    def __init__(
        self,
        W_enc: torch.Tensor,  # noqa: N803 - the field's names
        b_enc: torch.Tensor,
        W_dec: torch.Tensor,  # noqa: N803
        b_dec: torch.Tensor,
        *,
        reads: SiteLike,
        writes: SiteLike | None = None,
        activation: Activation = "relu",
        threshold: torch.Tensor | None = None,
        k: int | None = None,
        centred: bool = False,
        W_skip: torch.Tensor | None = None,  # noqa: N803
    ) -> None:
        given = {"W_enc": W_enc, "b_enc": b_enc, "W_dec": W_dec, "b_dec": b_dec}
        given |= {} if threshold is None else {"threshold": threshold}
        given |= {} if W_skip is None else {"W_skip": W_skip}
        self.reads, self.writes = site_pair(reads, writes)
        self.d_in, self.d_out, self.n_features = _checked(given)
        self.activation: Activation = _activation(activation, threshold, k, self.n_features)
        self.k = k
        self.centred = centred
        self.loaded_from = ""  # the file or folder that `load` took it from
        self._tensors = {name: tensor.detach() for name, tensor in given.items()}
        self._elsewhere: dict[torch.device, dict[str, torch.Tensor]] = {}
        if centred and self.reads != self.writes:
            raise DictionaryError(
                "b_dec is of the site that is written, and cannot be taken away from another.",
                "Give centred=False.",
            )

    @classmethod
    def load(
        cls, path: str | Path, *, reads: SiteLike | None = None, writes: SiteLike | None = None
    ) -> Dictionary:
        """A dictionary from safetensors in SAELens' layout: `cfg.json`, `sae_weights.safetensors`.

        Args:
            path: the folder, or the safetensors file with a `cfg.json` beside it.
            reads: the site that it reads, where the config does not say or says it in a name that
                is none of ours.
            writes: the site that it writes.

        Raises:
            DictionaryError: nothing there, weights that are no safetensors (a pickle, which can
                run any code; an archive of arrays), or a kind of dictionary that is not known.
        """
        from mechwidget.dictionaries.loading import load_dictionary  # noqa: PLC0415 - a cycle

        return load_dictionary(path, reads=reads, writes=writes)

    def __repr__(self) -> str:
        where = f"{self.reads}" if self.reads == self.writes else f"{self.reads} → {self.writes}"
        return f"Dictionary({where}, {self.n_features:,} features, {self.activation})"

    def __getitem__(self, name: str) -> torch.Tensor:
        """One of its tensors: W_enc, b_enc, W_dec, b_dec, threshold, W_skip."""
        return self._tensors[name]

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that are others for any other numbers."""
        import torch  # noqa: PLC0415 - nobody who only names a feature waits for it

        said = (self.activation, self.k, self.centred, str(self.reads), str(self.writes))
        digest = sha256(repr(said).encode())
        for name, tensor in sorted(self._tensors.items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.cpu().contiguous().view(torch.uint8).numpy().data)
        return digest.hexdigest()[:16]

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """The activations of all features, `[..., n_features]`, of `x[..., d_in]`."""
        at = self._on(x.device)
        pre = self._centred(x, at) @ at["W_enc"] + at["b_enc"]
        if self.activation != "topk" or self.k is None:
            return self._gated(pre, at.get("threshold"))
        largest = pre.topk(self.k, dim=-1)
        return pre.new_zeros(pre.shape).scatter(-1, largest.indices, largest.values.relu())

    def decode(self, features: torch.Tensor) -> torch.Tensor:
        """What features `[..., n_features]` stand for, `[..., d_out]`, b_dec included."""
        at = self._on(features.device)
        return features.to(at["W_dec"].dtype) @ at["W_dec"] + at["b_dec"]

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        """What it makes of `x[..., d_in]`, `[..., d_out]`: with the linear path, if it has one."""
        made, skip = self.decode(self.encode(x)), self._on(x.device).get("W_skip")
        return made if skip is None else made + x.to(skip.dtype) @ skip.T

    def activation_of(self, x: torch.Tensor, index: int) -> torch.Tensor:
        """The activation of one feature, `[...]`; the others are computed only if they compete."""
        if self.activation == "topk":
            return self.encode(x)[..., index]
        at = self._on(x.device)
        pre = self._centred(x, at) @ at["W_enc"][:, index] + at["b_enc"][index]
        threshold = at.get("threshold")
        return self._gated(pre, None if threshold is None else threshold[index])

    def direction(self, index: int) -> torch.Tensor:
        """What one feature adds per unit of its activation, `[d_out]`: its row of W_dec."""
        return self._tensors["W_dec"][index]

    def _centred(self, x: torch.Tensor, at: dict[str, torch.Tensor]) -> torch.Tensor:
        x = x.to(at["W_enc"].dtype)
        return x - at["b_dec"] if self.centred else x

    def _gated(self, pre: torch.Tensor, threshold: torch.Tensor | None) -> torch.Tensor:
        return pre.relu() if threshold is None else pre.relu() * (pre > threshold)

    def _on(self, device: torch.device) -> dict[str, torch.Tensor]:
        """Its tensors on a device, copied there once."""
        if device == self._tensors["W_enc"].device:
            return self._tensors
        if device not in self._elsewhere:
            moved = {name: tensor.to(device) for name, tensor in self._tensors.items()}
            self._elsewhere[device] = moved
        return self._elsewhere[device]


def _checked(given: dict[str, Any]) -> tuple[int, int, int]:
    """(d_in, d_out, n_features), which all tensors have to agree on."""
    import torch  # noqa: PLC0415

    sizes: dict[str, int] = {}
    for name, tensor in given.items():
        axes = _AXES[name]
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            raise DictionaryError(f"{name} is {type(tensor).__name__}; expected a float tensor.")
        wanted = [sizes.setdefault(axis, n) for axis, n in zip(axes, tensor.shape, strict=False)]
        if list(tensor.shape) != wanted or len(wanted) != len(axes):
            expected = ", ".join(f"{axis} {sizes.get(axis, '?')}" for axis in axes)
            raise DictionaryError(f"{name} is {tuple(tensor.shape)}; expected [{expected}].")
        if not bool(tensor.isfinite().all()):
            raise DictionaryError(f"{name} has numbers that are not finite.")
    kinds = {(tensor.dtype, tensor.device) for tensor in given.values()}
    if len(kinds) > 1:
        found = ", ".join(sorted(f"{dtype} on {device}" for dtype, device in kinds))
        raise DictionaryError(f"The tensors are {found}; expected one dtype on one device.")
    return sizes["d_in"], sizes["d_out"], sizes["n_features"]


def _activation(activation: Any, threshold: Any, k: Any, n_features: int) -> Activation:
    if activation not in ACTIVATIONS:
        expected = ", ".join(map(repr, ACTIVATIONS))
        raise DictionaryError(f"The activation is {activation!r:.60}; expected {expected}.")
    if (threshold is not None) != (activation == "jumprelu"):
        raise DictionaryError("A threshold belongs to the activation 'jumprelu', and to no other.")
    whole = isinstance(k, int) and not isinstance(k, bool)
    if (k is not None) != (activation == "topk") or (
        k is not None and not (whole and 0 < k <= n_features)
    ):
        raise DictionaryError(
            f"k is {k!r:.60}; expected a number from 1 to {n_features} with the activation 'topk', "
            "and none with another."
        )
    found: Activation = activation
    return found
