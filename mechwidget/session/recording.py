"""A session as a file, and back: save, load, and what was different on the way.

In: a path, or the document of a recipe. Out: the other of the two, and a session that was rebuilt.
What of a loaded recipe nobody here understands stays in it and is saved again, and is never done.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mechwidget import recipes
from mechwidget.errors import MechwidgetError, ModelLoadError
from mechwidget.interventions import component_from_json
from mechwidget.models.hub import is_name
from mechwidget.session.keeping import Keeping
from mechwidget.session.loaded import Difference, Loaded, of_the_model, of_the_tokens
from mechwidget.session.now import Selection
from mechwidget.session.rebuilt import Rebuilt, prompt_of, rebuilt
from mechwidget.session.recorded import (
    directions_json,
    experiment_json,
    result_json,
    snapshot_json,
)
from mechwidget.session.state import checked_selection

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from mechwidget.models import HookedModel
    from mechwidget.session.directions import Kept
    from mechwidget.session.numbers import Standing

Json = dict[str, Any]


class Recording(Keeping):
    """The half of a session that is written down."""

    _directions: Kept
    _selection: Selection

    @abstractmethod
    def close(self) -> None:
        """Let go of the model."""

    def __init__(self) -> None:
        super().__init__()
        self._loaded: Loaded | None = None
        self._views: list[str] = []

    # -- out

    def to_recipe(self) -> Json:
        """The session as the document of a recipe (`mechwidget.recipes`); waits for its numbers.

        Raises:
            MechwidgetError: the session is closed.
        """
        self.wait()
        with self._lock:
            standing, state, model = self._note(), self._state, self._open().model
            snapshots, kept, views = self._kept, self._directions, list(self._views)
        document = experiment_json(model, state)
        document["written"] = {"by": _program(), "at": datetime.now(UTC).isoformat("T", "seconds")}
        document["directions"] = directions_json(kept)
        document["views"] = [{"view": name} for name in dict.fromkeys(views)]
        document["snapshots"] = [snapshot_json(each, state) for each in snapshots.values()]
        document["selection"] = self._selection_json()
        document["result"] = None
        if standing.computed is not None and standing.error is None:
            effects = self._open().sweeps.known(state)
            document["result"] = result_json(model, state, standing.computed, effects)
        if self._loaded is None:
            return document
        if self._loaded.state == state and not self._loaded.all:
            _keep_effects(document["result"], self._loaded.document.get("result"))
        return _with_kept(document, self._loaded)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the session to a file, whole or not at all; waits for its numbers.

        Args:
            path: where; `.mech.json` is added to a name without an ending. An older recipe is
                replaced.
            overwrite: replace a file that is no recipe, too.

        Returns:
            The path of the file.

        Raises:
            RecipeError: another kind of file is there, or it cannot be written (a full disk, no
                permission); what was there before is then unchanged.
        """
        return recipes.write_file(path, self.to_recipe(), overwrite=overwrite)

    # -- in

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        model: Any = None,
        *,
        allow_download: bool = False,
        device: Any = None,
    ) -> Self:
        """A session from a file; `differences` says what is not as it was.

        Args:
            path: what `save` has written, also by an older version.
            model: a model to use, as `Session` takes it; None loads the one that the recipe names.
            allow_download: whether that may be asked of the hub, where it is not on this machine.
            device: where to put it.

        Raises:
            RecipeError: the file is no recipe; the message says where it goes wrong.
            ModelLoadError: its model cannot be had by name.
            PromptError: the model cannot run the prompt.
        """
        document, _ = recipes.read(recipes.read_file(path))
        if model is None:
            model = _model_of(document["model"], allow_download=allow_download, device=device)
        return cls.from_recipe(document, model, name=Path(path).name)

    @classmethod
    def from_recipe(cls, document: Json, model: Any, *, name: str = "a recipe") -> Self:
        """A session from the document of a recipe, on this model.

        Args:
            document: of any version.
            model: as `Session` takes it.
            name: what sentences call the recipe.

        Raises:
            RecipeError: it is no recipe.
            PromptError: the model cannot run the prompt.
        """
        document, _ = recipes.read(recipes.dumps(document))
        make: Any = cls
        session: Self = make(model, prompt_of(document["prompts"]["a"]))
        try:
            session._restore(name, document, rebuilt(document, session.model))
        except BaseException:
            session.close()
            raise
        return session

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What is not as it was when the recipe was saved; waits for the numbers of what it asks.

        Model (revision, class, dtype, config, weights, tokenizer), tokens, numbers beyond the
        tolerance of the dtype, and all that could not be rebuilt. Empty without a recipe.
        """
        if self._loaded is None:
            return ()
        if self._loaded.numbers is None and self._state == self._loaded.state:
            self.wait()
            with self._lock:
                self._note()
        return self._loaded.all

    @property
    def not_understood(self) -> tuple[Difference, ...]:
        """The interventions of the recipe that are kept and not done, each with the reason."""
        known = () if self._loaded is None else self._loaded.differences
        return tuple(each for each in known if each.strange)

    @property
    def provenance(self) -> str:
        """Which recipe it was loaded from and what is different, in a sentence; never waits."""
        return "" if self._loaded is None else self._loaded.sentence

    @property
    def n_differences(self) -> int:
        """How many differences are known by now; never waits."""
        return 0 if self._loaded is None else len(self._loaded.all)

    def shown_as(self, view: str) -> Callable[[], None]:
        """Remember that a view is open, until the returned is called."""
        with self._lock:
            self._views.append(view)

        def closed() -> None:
            with self._lock:
                if view in self._views:
                    self._views.remove(view)

        return closed

    # -- inside

    def _selection_json(self) -> Json | None:
        return None if self._selection == Selection() else self._selection.to_json()

    def _select_saved(self, saved: Json | None) -> None:
        """Look at what was looked at, where that is here; it is no part of the experiment."""
        if saved is None:
            return
        given = saved.get("component")
        with suppress(MechwidgetError):
            component = None if given is None else component_from_json(given)
            meant = Selection(component, saved.get("position"))
            self._selection = checked_selection(meant, self._state, self.model)

    def _restore(self, name: str, document: Json, made: Rebuilt) -> None:
        with self._lock:
            self._directions, self._kept = made.directions, made.snapshots
            about = (
                *of_the_model(document["model"], self.model),
                *of_the_tokens(document["prompts"], made.state),
                *made.left,
            )
            self._loaded = Loaded(name, document, made.state, made.kept, about)
            self._change(lambda _, __: made.state, remember=False)
            self._tried.begin(made.state)
            self._select_saved(document.get("selection"))
        self._tell()

    def _note(self) -> Standing:
        standing = super()._note()
        newest = standing.computed if standing.revision == self._revision else None
        if self._loaded is not None and newest is not None:
            self._loaded.note(self._state, newest)
        return standing


def _keep_effects(new: Json | None, old: Json | None) -> None:
    """The saved effects are those of now too, where all that was compared is the same."""
    if new is not None and old is not None and "effects" in old:
        new.setdefault("effects", old["effects"])


def _with_kept(document: Json, loaded: Loaded) -> Json:
    """The document with all of the loaded one that nobody here understands, where it was."""
    old = loaded.document
    for name, entries in loaded.kept.items():
        taken = {each.get("name") for each in document[name] if name != "interventions"}
        for place, entry in sorted(entries.items()):
            if entry.get("name") not in taken or name == "interventions":
                document[name].insert(place, entry)
    if not document["views"]:
        document["views"] = old.get("views", [])
    refused = {each.path for each in loaded.differences}
    prompts, before = document["prompts"], old["prompts"]
    for path, at, was, name in (
        ("metric", document, old, "metric"),
        ("prompts.b", prompts, before, "b"),
        ("prompts.reference", prompts, before, "reference"),
    ):
        if path in refused and not at.get(name):
            at[name] = was[name]
    return recipes.with_unknown(document, old)


def _model_of(saved: Json, *, allow_download: bool, device: Any) -> HookedModel:
    """The model that a recipe names, by nothing but that name."""
    from mechwidget import models  # noqa: PLC0415 - what is not used is not imported

    name = saved.get("loaded_from")
    if not isinstance(name, str) or not is_name(name):
        raise ModelLoadError(
            f"The recipe is about “{saved['name'][:80]}”, which was in memory or in a folder.",
            "Give the model: mw.Session.load(path, model=…).",
        )
    dtype = saved.get("dtype") if saved.get("dtype") in _DTYPES else None
    try:
        return models.load(name, device, dtype, download=allow_download)
    except ModelLoadError as error:
        if allow_download:
            raise
        hint = f"{error.hint} mw.Session.load(path, allow_download=True) asks the hub for it."
        raise ModelLoadError(error.message, hint.strip()) from error


_DTYPES = ("float64", "float32", "float16", "bfloat16")


def _program() -> str:
    try:
        return f"mechwidget {version('mechwidget')}"
    except PackageNotFoundError:  # a source tree that was never installed
        return "mechwidget"
