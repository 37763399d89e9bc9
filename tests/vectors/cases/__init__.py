"""The cases behind the golden vectors, a module for each file; see tests/vectors/generate.py."""
