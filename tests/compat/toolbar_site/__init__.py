"""A page with a query, a form and data, looked at with the toolbar."""
