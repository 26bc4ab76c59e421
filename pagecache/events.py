"""What pagecache tells the site about itself: its logger, and a signal that its settings were read anew."""

import logging

from django.dispatch import Signal

logger = logging.getLogger("pagecache")

settings_reloaded = Signal()
