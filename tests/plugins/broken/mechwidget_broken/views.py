"""A view whose script throws, and one without a script."""

from typing import ClassVar

import mechwidget as mw


class Throws(mw.PluginView):
    view = "throws"
    title = "Throws"
    script = "export default () => { throw new Error('no <b>luck</b> today'); };"
    ops: ClassVar = {"raises": lambda session, args: 1 / 0}


class NoScript(mw.PluginView):
    view = "no-script"
    title = "No script"
