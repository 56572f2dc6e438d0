"""What every view of a session is: one widget, the session's state as one small trait, and answers.

In flows a session; out flow its state as JSON and the answers to what the page asks. The page never
writes a trait: what it wants it asks for, and gets an answer or a reason. A view of its own differs
from another only in the name under which the page knows it and in what it shows without a kernel.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Self

from anywidget import AnyWidget
from traitlets import Dict, Int, Unicode

from mechwidget.errors import MechwidgetError
from mechwidget.session import Session
from mechwidget.views.bundle import LOADER, fingerprint, front_end, front_end_json
from mechwidget.views.ops import register_ops
from mechwidget.views.pace import Pace
from mechwidget.views.saved_result import saved_result
from mechwidget.views.session_state import loaded_json, model_json, session_state
from mechwidget.views.snapshot_html import snapshot_html, table_html
from mechwidget.views.still_numbers import still_numbers
from mechwidget.views.subshell import deliver_where_addressed
from mechwidget.views.tables import finished, table_of
from mechwidget.wire import PROTOCOL, Arguments, Channel, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from mechwidget.views.table import Table

_SECONDS_FOR_A_SNAPSHOT = 2.0
_SECONDS_FOR_ITS_PICTURES = 0.5
_SECONDS_FOR_NUMBERS = 0.015
"""How long the marks of a click, which the page has painted itself, wait for their numbers: on a
small model both then go as one message, and the page draws once."""


class SessionView(AnyWidget):
    """A view of a session. Views of one session show the same, and are linked on the page.

    Close it, or use it in a `with` block, when it is no longer needed: a widget that is open is
    kept alive by the notebook.

    Attributes:
        view: the name of the view on the page.
        state: what the page shows now, as JSON.

    Raises:
        MechwidgetError: made of anything but a `Session`.
    """

    view: ClassVar[str]

    _esm = front_end(LOADER)
    _css = ""
    _view = Unicode().tag(sync=True)
    _protocol = Int(PROTOCOL).tag(sync=True)
    _front_end = Unicode().tag(sync=True)
    state = Dict().tag(sync=True, echo_update=False)
    _selected = Dict().tag(sync=True, echo_update=False)

    def __init__(self, session: Session) -> None:
        name = type(self).__name__
        if not isinstance(session, Session):
            raise MechwidgetError(
                f"{name} shows a Session, not {type(session).__name__}.",
                "Make one with mw.Session(model, prompt), or use mw.explore(model, prompt).",
            )
        self._session = session
        self._model_json = model_json(session.model)
        self._pushing = threading.RLock()
        super().__init__(
            state=self._current(),
            _selected=_selected_json(session),
            _view=self.page_name(),
            _front_end=fingerprint(),
        )
        deliver_where_addressed(self.comm)
        self._channel = Channel(self.send, about={"session": session.id})
        self._channel.on("front_end", _front_end_asked)
        register_ops(session, self._channel)
        self._pace = Pace(self._push)
        self.on_msg(self._receive)
        self._stop_listening = session.on_change(self._changed)
        session.observe(self._select, "selection")
        self._no_longer_shown = session.shown_as(self.view)
        # The session may have changed while the widget was made.
        self._select(None)
        self._pace.ask()

    @classmethod
    def page_name(cls) -> str:
        """The name under which the page knows the view."""
        return cls.view

    @property
    def session(self) -> Session:
        """The experiment that is shown."""
        return self._session

    def table(self, **options: Any) -> Table:
        """What the view shows, as columns; waits for the numbers of the newest state.

        Args:
            options: which of it, where there is a choice: see `mechwidget.views.tables`.

        Raises:
            MechwidgetError: there is no such table or option, or no numbers.
        """
        self.session.wait()
        return finished(table_of(self.session, self.view, options))

    def to_dataframe(self, **options: Any) -> pd.DataFrame:
        """What the view shows, as a pandas DataFrame; units are in its `attrs`.

        Args:
            options: as for `table`.

        Raises:
            MechwidgetError: as for `table`; or pandas, which nothing else here needs, is missing.
        """
        return self.table(**options).to_dataframe()

    def close(self) -> None:
        """Take it off every page and let go of the session, which stays open."""
        if getattr(self, "_pace", None) is not None:
            self._stop_listening()
            with suppress(ValueError):  # closed before
                self._session.unobserve(self._select, "selection")
            self._no_longer_shown()
            self._pace.close()
            self._channel.close()
            self._msg_callbacks.callbacks.clear()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Traits go to the page and never come back: whatever a page writes is ignored."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.session!r})"

    @staticmethod
    @abstractmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows of `state`: fragments of HTML, all text escaped."""

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        state = self._still_state()
        still = {"text/html": self._still(state)}
        return {**data, **saved_result(self.page_name(), state), **still}, metadata

    def snapshot(self) -> str:
        """What a page without a kernel shows: the last result as a still picture with words.

        A fragment of HTML with no script and nothing to fetch, at most 60 kB.
        """
        return self._still(self._still_state())

    def _still(self, state: dict[str, Any]) -> str:
        return snapshot_html(state, [*self._parts(state), *table_html(state)])

    def _still_state(self) -> dict[str, Any]:
        """The state, and the numbers beside it that come in time."""
        numbers: dict[str, Any] = {}
        if not self.session.closed and self.session.wait(_SECONDS_FOR_A_SNAPSHOT):
            numbers = still_numbers(self.session, self.view, _SECONDS_FOR_ITS_PICTURES)
        return {**self._current(), "numbers": numbers}

    def _parts(self, state: dict[str, Any]) -> list[str]:
        return self.snapshot_parts(state)

    def _current(self) -> dict[str, Any]:
        if self.session.closed:
            return dict(self.state)
        session = self.session
        now, kept, loaded = session.now(), session.directions.kept, loaded_json(session)
        return session_state(session.id, self._model_json, now, kept, loaded, session.corpus)

    def _changed(self) -> None:
        computing = not self._session.closed and self._session.now().computing
        self._pace.ask(patience=_SECONDS_FOR_NUMBERS if computing else 0.0)

    def _push(self) -> None:
        # One at a time and read inside: two threads must not leave the older state on the page.
        with self._pushing:
            self.state = self._current()

    def _select(self, _: object) -> None:
        with self._pushing:
            self._selected = _selected_json(self._session)

    def _receive(self, _widget: object, content: object, buffers: list[Any]) -> None:
        self._channel.receive(content, buffers)


def _selected_json(session: Session) -> dict[str, Any]:
    return {**session.selection.to_json(), "by": session.selection.by}


def _front_end_asked(args: Arguments, _: Request) -> dict[str, str]:
    args.only()
    return front_end_json()
