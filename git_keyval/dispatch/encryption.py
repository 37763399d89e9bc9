"""The cipher that the inputs ask for."""

from collections.abc import Mapping

from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.interface.inputs import REQUIRED, EncryptionKeys


def cipher_of(inputs: Mapping[str, object], surroundings: Surroundings) -> Cipher:
    """Give the cipher of a database: plain, unless there is an encryption key."""
    keys = inputs.get("encryption-key")
    if not isinstance(keys, EncryptionKeys):
        return PLAIN
    from git_keyval.database.encrypting import Encrypting  # noqa: PLC0415  # slow to import, and most databases are plain
    from git_keyval.format.encryption import derive_key  # noqa: PLC0415

    kid = str(inputs.get("encryption-kid", keys.names[-1]))
    derived = [derive_key(name or kid, secret) for name, secret in keys.named]
    return Encrypting(derived, kid, surroundings.new_nonce, required=inputs.get("encryption") == REQUIRED)
