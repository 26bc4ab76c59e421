"""Between Django and the values of the core: what a path means, a request, a response."""
