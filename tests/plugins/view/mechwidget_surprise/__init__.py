"""An example plugin: a view with JavaScript of its own."""

mechwidget_api = "1.0"
