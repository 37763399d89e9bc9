"""The outputs."""

OUTPUTS: dict[str, str] = {
    "met": "Whether what was waited for is so.",
    "found": "Whether the key or the element exists (with several: whether all do).",
    "applied": "Whether the write was made; false where a condition was not met.",
    "value": "The value as text; bytes as base64; a counter as a decimal number.",
    "json": "The value as JSON, for fromJSON(); for several keys or elements an object or a list.",
    "type": "The type of the value: string, number, boolean, json, bytes, file, counter, map or array.",
    "version": "The oid of the value commit, for 'if-version'.",
    "ttl": "Seconds that the key or the element has left; -1 if it never expires, -2 if it does not exist.",
    "expires-at": "When the key or the element expires, as RFC 3339; empty if never.",
    "old-value": "The value before the write, where the command had to read it (a condition, 'get-old' or 'keep-ttl').",
    "pending": "Whether the increment is recorded and counts later, with the next gather or increment; then there is no value.",
    "padded": "The number of a counter as text with leading zeros, as long as 'pad' says.",
    "failed": "Which command of a batch has a condition that is not met, by its id or else its place, counted from 1.",
    "results": "What the commands of a batch answer, as a JSON object by their ids or else their places.",
    "count": (
        "How many keys or elements were found, written or deleted; how long an array is; how many bytes a value has after append; "
        "for maintenance, how many writes; for check, how many errors; for info and page, how many keys live; for export and "
        "import, how many keys."
    ),
    "url": "A link to the value at the CDN jsDelivr, if the repository is on github.com and known to be public. The CDN keeps what "
    "was asked for once: deleting the key, or the repository, does not reach it.",
    "owner": "Who holds the lock: the owner that took it, or where it was not obtained the one that has it.",
    "fence": "A number that is larger than that of every earlier owner of the lock, for whatever the lock protects.",
    "slot": "Which slot of the lock the owner has, from 1; a lock that is not given 'slots' has one.",
    "requests-used": "How many requests the step made (on a local path: processes started).",
    "rate-remaining": "How many API requests GitHub still allows this hour; not given where nothing was asked of its API.",
    "report": "What a maintenance command, export or import did, as JSON (docs/report.schema.json).",
}
"""All outputs by name, with what they hold."""

FLAGS = frozenset({"met", "found", "applied", "pending"})
"""The outputs that are ``true`` or ``false``."""

WHOLE_NUMBERS = frozenset({"ttl", "count", "fence", "slot", "requests-used", "rate-remaining"})
"""The outputs that are whole numbers. All others are text, also where a value happens to be a number."""
