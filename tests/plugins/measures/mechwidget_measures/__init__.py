"""An example plugin: a score, a metric and a kind of intervention, each a page long."""

mechwidget_api = "1.0"
