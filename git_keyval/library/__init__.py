"""The database for programs: every command as a method, with Python's types (docs/library.md)."""
