"""Takes for ever to import."""

import time

time.sleep(3600)
SCORE = None
