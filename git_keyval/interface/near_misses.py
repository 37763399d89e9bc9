"""Which unknown names were meant to be inputs of ours: a slip of somebody's fingers, as opposed to the name of something else."""

from git_keyval.interface.inputs import INPUTS

_LETTERS_A_SLIP = 6
_SHORT = 5
_SHORTEST = 3


def is_near_miss(name: str) -> bool:
    """Whether a name is an input's with slips: a letter too many, missing, wrong, or swapped with its neighbour.

    One slip is allowed for every six letters, and at least one; hyphens do not count. Of names under five letters a wrong letter
    makes another word (``task`` is no ``mask``), of those under three any slip does. No input has a digit, and ``keys2`` is a name
    of its own.
    """
    letters = name.replace("-", "")
    return letters.isalpha() and any(_is_near(letters, known.replace("-", "")) for known in INPUTS)


def _is_near(name: str, known: str) -> bool:
    allowed = max(1, len(known) // _LETTERS_A_SLIP) if len(known) >= _SHORTEST else 0
    # The difference in length is never more than the distance; so most names cost nothing.
    return abs(len(name) - len(known)) <= allowed and _distance(name, known, wrong=1 if len(known) >= _SHORT else 2) <= allowed


def _distance(one: str, other: str, *, wrong: int) -> int:
    """Return the distance of Damerau and Levenshtein, of adjacent letters, in which a wrong letter counts so much."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        line = [row]
        for column, against in enumerate(other, start=1):
            steps = [last[column] + 1, line[-1] + 1, last[column - 1] + wrong * (letter != against)]
            if row > 1 and column > 1 and (letter, one[row - 2]) == (other[column - 2], against):
                steps.append(before[column - 2] + 1)
            line.append(min(steps))
        before, last = last, line
    return last[-1]
