"""The command line: `mechwidget NAME …`, a module for each name."""
