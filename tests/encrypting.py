"""Ciphers for tests: with keys that can be told apart, and nonces that are counted."""

import hashlib
from collections.abc import Callable
from itertools import count

from git_keyval.database.encrypting import Encrypting
from git_keyval.format.encryption import derive_key


def secret(name: str) -> bytes:
    """Return the 32 bytes of a made-up encryption key."""
    return hashlib.sha256(f"secret of {name}".encode()).digest()


def nonces() -> Callable[[], bytes]:
    """Return nonces that never come again."""
    numbers = count(1)
    return lambda: next(numbers).to_bytes(12, "big")


_NONCES = nonces()


def cipher(*kids: str, writing: str = "", wrong: str = "", new_nonce: Callable[[], bytes] = _NONCES) -> Encrypting:
    """Make a cipher of keys by name, of which the last encrypts what is written; ``wrong`` names one that is another key."""
    kids = kids or ("first",)
    keys = [derive_key(kid, secret(f"another {kid}" if kid == wrong else kid)) for kid in kids]
    return Encrypting(keys, writing or kids[-1], new_nonce)
