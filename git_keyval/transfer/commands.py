"""The commands that take a whole database out of its repositories, or put one in: export, import."""

from collections.abc import Mapping

from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.database.declared import Described
from git_keyval.format.names import DEFAULT_SHARD_LENGTH, KeyId


class Export(Described):
    """Write all keys that are alive, with all that makes them, as lines of text.

    ``names`` are those of keys whose names are not stored: an import stores them.
    What does the work is imported when it runs: most steps transfer nothing.
    """

    outputs = ("count", "report")
    examples = ("git-keyval export >backup.jsonl", "git-keyval export --output-file backup.jsonl")
    stands_alone = True
    transfers = True

    output_file: str = ""
    names: Mapping[KeyId, str] = {}
    expiry_registry: str = ""
    cipher: Cipher = PLAIN


class Import(Described):
    """Write the keys of an export into the repositories of a database.

    All of the export is checked before anything is written. A key that holds the same already is no difference.
    """

    outputs = ("applied", "count", "report")
    examples = ("git-keyval import backup.jsonl --if-exists skip --dry-run", "git-keyval import - <backup.jsonl")
    omits = ("follow-writes",)
    stands_alone = True
    transfers = True

    input_file: str
    if_exists: str = "fail"
    dry_run: bool = False
    shard_length: int = DEFAULT_SHARD_LENGTH
    expiry_registry: str = ""
    cipher: Cipher = PLAIN
