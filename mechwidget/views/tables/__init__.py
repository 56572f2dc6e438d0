"""The tables of the views: what each shows, as columns, for `to_dataframe()` and the clipboard.

In flows a session and options that are plain data; out flows a table, at once or once the session
has its numbers. A table is a function with keyword options; a new one is a module and a line below,
under the name that the view has on the page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError
from mechwidget.views.table import Table
from mechwidget.views.tables.attention import attention_table
from mechwidget.views.tables.attribution import attribution_table
from mechwidget.views.tables.cache import cache_table
from mechwidget.views.tables.continuation import continuation_table
from mechwidget.views.tables.embedding import embedding_table
from mechwidget.views.tables.head_map import head_map_table
from mechwidget.views.tables.interventions import interventions_table
from mechwidget.views.tables.lens import lens_table
from mechwidget.views.tables.neuron import neuron_table
from mechwidget.views.tables.neurons import neurons_table
from mechwidget.views.tables.outcome import outcome_table
from mechwidget.views.tables.tokens import tokens_table
from mechwidget.views.tables.weights import weights_table

if TYPE_CHECKING:
    from mechwidget.session import Session
    from mechwidget.views.deferred import Then

TableMaker = Callable[..., "Table | Then[Table]"]

TABLES: dict[str, TableMaker] = {
    "attention": attention_table,
    "attribution": attribution_table,
    "cache": cache_table,
    "continuation": continuation_table,
    "embedding": embedding_table,
    "head-map": head_map_table,
    "interventions": interventions_table,
    "lens": lens_table,
    "neuron": neuron_table,
    "neurons": neurons_table,
    "outcome": outcome_table,
    "token-strip": tokens_table,
    "weights": weights_table,
}


def table_of(session: Session, view: str, options: dict[str, Any]) -> Table | Then[Table]:
    """The table of a view by its name.

    Raises:
        MechwidgetError: there is none of that name, or it has no such option.
    """
    maker = TABLES.get(view)
    if maker is None:
        raise MechwidgetError(
            f"No view called {view!r} has a table; these have: {', '.join(sorted(TABLES))}."
        )
    known = list((maker.__kwdefaults__ or {}).keys())
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise MechwidgetError(
            f"The table of {view!r} has no option {unknown[0]!r}; "
            f"it has {', '.join(known) or 'none'}."
        )
    return maker(session, **options)


def finished(table: Table | Then[Table]) -> Table:
    """The table itself; waits for its numbers."""
    return table if isinstance(table, Table) else table.result()
