"""The contract of the port: one suite for every store. What it asks is in the docstrings of git_keyval.store.port."""
