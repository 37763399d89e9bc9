"""The stored format, version 2, as pure functions. The normative text is docs/format.md."""
