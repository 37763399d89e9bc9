"""The cipher that the inputs ask for."""

from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.interface.inputs import REQUIRED, Inputs


def cipher_of(inputs: Inputs, surroundings: Surroundings) -> Cipher:
    """Return the cipher of a database: plain, unless there is an encryption key."""
    keys = inputs.encryption_key
    if keys is None:
        return PLAIN
    from git_keyval.database.encrypting import Encrypting  # noqa: PLC0415  # slow to import, and most databases are plain
    from git_keyval.format.encryption import derive_key  # noqa: PLC0415

    kid = inputs.encryption_kid or keys.names[-1]
    derived = [derive_key(name or kid, secret) for name, secret in keys.named]
    return Encrypting(derived, kid, surroundings.new_nonce, required=inputs.encryption == REQUIRED)
