"""The page: what is in it, and what a browser makes of it."""
