"""Theme files, and the loader for the built-in and the user's own."""
