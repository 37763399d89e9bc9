"""Bytes that are not quite what they were."""

from random import Random


def mutated(data: bytes, random: Random) -> bytes:
    """Change, remove or add a few bytes at one to three places, or cut the end off."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(changed) + 1)
        match random.randrange(4):
            case 0:
                changed[at : at + 1] = random.randbytes(1)
            case 1:
                del changed[at : at + random.randint(1, 60)]
            case 2:
                again = bytes(changed[at : at + 50])
                changed[at:at] = random.choice([random.randbytes(random.randint(1, 5)), again, b"0000", b"0001"])
            case 3:
                del changed[at + random.randint(0, 200) :]
    return bytes(changed)
