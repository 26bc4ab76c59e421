"""Pages of django CMS in two languages, with plugins of three kinds."""
