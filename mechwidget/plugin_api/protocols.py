"""The contracts of plugins: what a part of each group has to be.

A package offers a part by an entry point in its pyproject.toml:

    [project.entry-points."mechwidget.scores"]
    my_score = "my_package.module:MY_SCORE"

The name of the entry point is the name of the part. Nothing is imported before somebody uses the
group; what cannot be imported, is not what is described here, or raises when it is used, is named
in `mw.plugins()` with the reason, and left out. A part may say `mechwidget_api = "1.0"`, in its
module or on itself: see `mechwidget.plugin_api.API_VERSION`. `mechwidget new-plugin NAME --kind …`
writes a package to start from.

In: nothing. Out: protocols; no part has to inherit from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from mechwidget.analysis.map_score import ScoreInputs, ScoreMap
    from mechwidget.analysis.metrics import BoundMetric, Vocabulary
    from mechwidget.models import HookedModel
    from mechwidget.models.edit import Edit


class ModelSource(Protocol):
    """`mechwidget.sources`: where models come from. An instance (or a module) with three functions.

    A source called "toy" is what `mw.load("toy:reference")` asks, and `mw.wrap(thing)` asks every
    source whether it takes a thing that is no model of transformers. Both give a `HookedModel`,
    which they make with `mw.wrap(module, source=mw.TextSource(…), sites=…)` or so.
    """

    def load(
        self,
        reference: str,
        *,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> HookedModel:
        """The model that is meant by what stands after the colon, possibly nothing.

        Raises a `mechwidget.errors.ModelLoadError` that says which there are. Nothing is to be
        downloaded that the person did not ask for, and no pickle read.
        """
        ...

    def takes(self, thing: object) -> bool:
        """Whether `wrap` knows this thing; quick, and False where in doubt."""
        ...

    def wrap(self, thing: Any, tokenizer: Any = None, *, name: str | None = None) -> HookedModel:
        """The thing as a `HookedModel`; called when `takes` said yes."""
        ...


class InterventionKind(Protocol):
    """`mechwidget.interventions`: a kind of intervention.

    A frozen dataclass, and a subclass of `mechwidget.interventions.Intervention`, which does most
    of what follows. Its fields say everything: plain values, tuples of them, or a `component`,
    which go to JSON and back by themselves; equal instances do the same. `kind` is the name of the
    entry point.
    """

    kind: ClassVar[str]

    @property
    def sentence(self) -> str:
        """What it does, in words, as the list of interventions shows it: "Shuffle head 1.2"."""
        ...

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """The edits of one run over `n_positions` tokens; `component_edits` makes most of them.

        Raises a `MechwidgetError` where this model cannot have it. Tensors are `[batch, pos, …]`
        and never changed in place.
        """
        ...

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, with `kind` as "type"; the class method `from_json`, if any, reads it."""
        ...


class MetricKind(Protocol):
    """`mechwidget.metrics`: a kind of metric. A class whose instances are plain data.

    `kind` is the name of the entry point and the "type" of its JSON; `title` is what the page calls
    it; `parameters` are what the page asks for, in order: see `mechwidget.analysis.Parameter`.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    parameters: ClassVar[Sequence[Any]]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Any:
        """The metric that `to_json` described; `data` is from a page or a file, and unchecked.

        Raises a `TokenError` that says which field is wrong.
        """
        ...

    def bind(self, model: Vocabulary, n_positions: int) -> BoundMetric:
        """Check it against a model and a prompt length; raises `TokenError`."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, with `kind` as "type"."""
        ...


class Score(Protocol):
    """`mechwidget.scores`: numbers that colour the head map.

    A `mechwidget.analysis.MapScore`, or a tuple of several under one entry point.
    `compute` gets `ScoreInputs` and returns a `ScoreMap`, float32, nan where there is no number. It
    is called on the worker's thread, and is to look at `inputs.cancelled`.
    """

    name: str
    title: str
    convention: str
    unit: str
    compute: Callable[[ScoreInputs], ScoreMap]


class DictionarySource(Protocol):
    """`mechwidget.dictionaries`: sparse autoencoders and transcoders. An instance (or a module).

    A source called "mine" is asked wherever the dictionary "mine:reference" is named, as in
    `mw.Feature("mine:reference", 12)`. It gives a `mechwidget.Dictionary`, or an object that
    follows `mechwidget.dictionaries.FeatureDictionary`.
    """

    def load(self, reference: str) -> Any:
        """The dictionary that is meant; raises a `MechwidgetError` that says which there are."""
        ...

    def references(self) -> Sequence[str]:
        """Those that can be had without a network, for menus; possibly none."""
        ...


class View(Protocol):
    """`mechwidget.views`: a view with JavaScript of its own. A subclass of `mw.PluginView`.

    `view` is the name of the entry point; `title` is what the tab in the workbench is called;
    `script` is the path (or the text) of one ECMAScript module. What that has to export, and what
    it gets, is said in `mechwidget.views.plugin_view`.
    """

    view: ClassVar[str]

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows of `state`: fragments of HTML, all text escaped."""
        ...
