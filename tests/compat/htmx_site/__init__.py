"""A page whose list htmx asks for by itself."""
