"""Tests of the stored format."""
