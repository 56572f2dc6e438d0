"""An experiment as a script: the code that reproduces a session's number without the session.

In: a hooked model, a prompt, interventions and a metric. Out: Python source in one of three
styles, as somebody who knows the field would have typed it. Nothing is evaluated: what a person
wrote goes into the script as literals and comments.
"""

from mechwidget.as_code.script import STYLES, as_code

__all__ = ["STYLES", "as_code"]
