"""What the lanes need by dotted path: segment functions, middleware, and who may see reasons."""
