"""The ops of a view: everything that a page may ask of a session, a module for each part of it.

In flows the channel of one widget; out flow its ops. A group is a class that is made of a session
and has `register(channel)`; a new one is a new module and a line below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.views.ops.arranging import Arrange
from mechwidget.views.ops.arrays import Arrays
from mechwidget.views.ops.attribution import Attribution
from mechwidget.views.ops.attribution_kin import AttributionKin
from mechwidget.views.ops.cache import Cache
from mechwidget.views.ops.changes import Changes
from mechwidget.views.ops.continuing import Continuing
from mechwidget.views.ops.directions import DirectionNames
from mechwidget.views.ops.embedding import Embedding
from mechwidget.views.ops.head_map import HeadMap
from mechwidget.views.ops.keeping import Keep
from mechwidget.views.ops.lens import Lens
from mechwidget.views.ops.neuron import Neuron
from mechwidget.views.ops.neurons import Neurons
from mechwidget.views.ops.patching_map import PatchingMap
from mechwidget.views.ops.patterns import Patterns
from mechwidget.views.ops.plugins import Plugins
from mechwidget.views.ops.prompts import Prompts
from mechwidget.views.ops.running import Running
from mechwidget.views.ops.scripts import Scripts
from mechwidget.views.ops.tables import Tables
from mechwidget.views.ops.vocabulary import Vocabulary
from mechwidget.views.ops.weights import Weights

if TYPE_CHECKING:
    from mechwidget.session import Session
    from mechwidget.wire import Channel

_GROUPS = (
    Changes,
    Arrange,
    Keep,
    Arrays,
    Attribution,
    AttributionKin,
    Patterns,
    Plugins,
    DirectionNames,
    Cache,
    Continuing,
    Embedding,
    HeadMap,
    Lens,
    Neuron,
    Neurons,
    PatchingMap,
    Scripts,
    Running,
    Tables,
    Prompts,
    Vocabulary,
    Weights,
)


def register_ops(session: Session, channel: Channel) -> None:
    """Let the pages of a view call every op."""
    for group in _GROUPS:
        group(session).register(channel)
