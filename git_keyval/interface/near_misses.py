"""Which unknown names were meant to be inputs of ours: a slip of somebody's fingers, as opposed to the name of something else."""

from functools import cache

from git_keyval.interface.inputs import INPUTS

_LETTERS_A_SLIP = 6
_SHORT = 5
_SHORTEST = 3


def is_near_miss(name: str) -> bool:
    """Return whether a name is an input's with slips: a letter too many, missing, wrong, or swapped with its neighbour.

    One slip is allowed for every six letters, and at least one; hyphens do not count. Of names under five letters a wrong letter
    makes another word (``task`` is no ``mask``), of those under three any slip does. No input has a digit.
    """
    letters = name.replace("-", "")
    return letters.isalpha() and any(_is_near(letters, known.replace("-", "")) for known in INPUTS)


def _is_near(name: str, known: str) -> bool:
    allowed = max(1, len(known) // _LETTERS_A_SLIP) if len(known) >= _SHORTEST else 0
    # The difference in length is never more than the distance; so most names cost nothing.
    return abs(len(name) - len(known)) <= allowed and _distance(name, known, 1 if len(known) >= _SHORT else 2) <= allowed


@cache
def _distance(one: str, other: str, wrong: int) -> int:
    """Return the distance of Damerau and Levenshtein, of adjacent letters, in which a wrong letter counts so much."""
    if not one or not other:
        return len(one) + len(other)
    if one[0] == other[0]:
        return _distance(one[1:], other[1:], wrong)
    steps = [
        _distance(one[1:], other, wrong) + 1,
        _distance(one, other[1:], wrong) + 1,
        _distance(one[1:], other[1:], wrong) + wrong,
    ]
    return min([*steps, _distance(one[2:], other[2:], wrong) + 1] if one[:2] == other[1::-1] and len(one) > 1 else steps)
