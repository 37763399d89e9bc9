"""The port between the database and git, and its adapters."""
