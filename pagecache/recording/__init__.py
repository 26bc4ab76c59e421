"""What a page reads while it is made: inputs of its request, and SQL."""
