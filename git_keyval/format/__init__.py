"""The stored format, version 2: pure functions between values and git objects, keys and refnames. Normative text: docs/format.md."""
