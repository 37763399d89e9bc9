"""What ``make test`` leaves to ``make test-all``: the rest of a product, of a long search, of many schedules.

A product is worth its time where a path depends on all of its axes. Of any other one ``make test`` takes every value of every axis,
and those pairs on which a path does depend.
"""

from collections.abc import Collection, Iterable

import pytest
from _pytest.mark import ParameterSet


def exhaustive(*values: object) -> ParameterSet:
    """Return parameters with which only ``make test-all`` runs a test."""
    return pytest.param(*values, marks=pytest.mark.exhaustive)


def first(count: int, values: Iterable[object]) -> list[object]:
    """Return parameters of which ``make test`` takes the first few."""
    return [value if number < count else exhaustive(value) for number, value in enumerate(values)]


def only(kept: Collection[object], values: Iterable[object]) -> list[object]:
    """Return parameters of which ``make test`` takes those that are named."""
    return [value if value in kept else exhaustive(value) for value in values]


def in_turn(rows: Iterable[object], columns: Iterable[object], *, each: int = 1) -> list[ParameterSet]:
    """Return the pairs of two axes, of which ``make test`` takes so many in ``each`` row: every column in its turn."""
    choices = list(columns)
    return [
        pytest.param(row, column) if (number - turn * each) % len(choices) < each else exhaustive(row, column)
        for turn, row in enumerate(rows)
        for number, column in enumerate(choices)
    ]
