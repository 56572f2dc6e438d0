"""An example plugin: `mw.load("toy:3")` is a random transformer of letters, 3 layers deep."""

mechwidget_api = "1.0"
