"""Tags for templates: `{% load pagecache %}`."""
