"""Workflows that people copy, run as they stand; and what runs them: a strict reading of GitHub's rules."""
