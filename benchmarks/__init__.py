"""How fast hits are, side by side with Django's own cache: `make bench`."""
