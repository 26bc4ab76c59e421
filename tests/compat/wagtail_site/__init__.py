"""What `wagtail start` makes: a home page with a search, here with articles, a form and images."""
