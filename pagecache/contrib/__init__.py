"""What a site adds if it wants it: each part is an app of its own."""
