"""A key-value database kept in a git repository: values are git objects, keys are refs, a write is one ref transaction."""

__version__ = "0.1.0"
