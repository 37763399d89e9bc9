"""Shows the database at work: python -m demo."""
