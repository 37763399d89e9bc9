"""The inputs: what each is for, what it accepts, and what a command was given of them."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, Self, TypeVar, overload

from git_keyval.errors import InputError, quoted
from git_keyval.format.canonical import MAX_SAFE_INTEGER
from git_keyval.format.counters import INT64_MAX, INT64_MIN
from git_keyval.format.elements import MAX_NAME_BYTES, MAX_SLOTS
from git_keyval.format.names import MAX_SHARD_LENGTH
from git_keyval.interface import forms
from git_keyval.interface.forms import MAX_OWNER_CHARACTERS, YEAR, Duration, Flag, OneOf, OwnerAndName, SomeOf, WholeNumber

MAX_REPOSITORY_DIGITS = 3
"""How many digits of the key id may choose a repository: more would be more repositories than anybody keeps."""

MAX_PAD = 100

ABSENT: Final = ("absent",)
EXISTENCE: Final = ("absent", "present")
ENDINGS: Final = ("longer", "shorter", "none", "some")
"""What ``if`` says of a key that is copied to, of a key or an element that is written, and of an expiry that is changed."""

VALUE_TYPES: Final = ("string", "number", "boolean", "json", "bytes", "file", "counter")
KEY_TYPES: Final = (*VALUE_TYPES, "map", "array", "lock", "redirect", "unknown")
"""What ``type`` says of a value that is written, and of keys that are listed."""

REQUIRED: Final = "required"
"""What ``encryption`` says."""

T_co = TypeVar("T_co", covariant=True)


class Input(Generic[T_co]):
    """One input: ``parse`` is its form, ``accepted`` says that for people.

    ``default`` is what an input that is not given means, in the words of the docs. What was given is repeated in an error if
    ``shown``.
    """

    def __init__(
        self, description: str, parse: Callable[[str], T_co], accepted: str = "", *, default: str = "", shown: bool = True
    ) -> None:
        self.description, self.parse, self.accepted = description, parse, accepted or str(parse)
        self.default, self.shown = default, shown

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the name of the attribute, as people write it; ``if_`` is ``if``."""
        self.name = name.rstrip("_").replace("_", "-")

    def of(self, form: OneOf | SomeOf) -> "Input[object]":
        """Return the input as a command takes it that accepts these words only; what takes several has no default."""
        only = Input[object](self.description, form, default=self.default if isinstance(form, OneOf) else "")
        only.name = self.name
        return only

    @overload
    def __get__(self, given: None, owner: type) -> Self: ...
    @overload
    def __get__(self, given: "Inputs", owner: type) -> T_co | None: ...
    def __get__(self, given: "Inputs | None", owner: type) -> Self | T_co | None:
        """Return what was given, parsed; None if nothing was."""
        return self if given is None else given.parsed.get(self.name)

    def read(self, text: str) -> T_co:
        """Parse a text. Raises InputError."""
        try:
            text.encode()
        except UnicodeEncodeError as exc:
            raise InputError(self.name, "is not valid UTF-8", self.accepted) from exc
        try:
            return self.parse(text)
        except (ValueError, OverflowError) as exc:
            raise InputError(self.name, self._problem(text, str(exc)), self.accepted) from exc

    def _problem(self, text: str, reason: str) -> str:
        if self.shown:
            shown = text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  # a line that stays readable
            return f"was given {quoted(shown)}, which is not accepted"
        return reason if reason.startswith(("is ", "has ")) else f"has a value that is not accepted: {reason}"


_CENTURIES = 8000 * YEAR
_FIELD_NAME = f"any text of up to {MAX_NAME_BYTES} bytes, where all but ASCII letters, digits and ._- take three"
_VARIABLE = "the name of an environment variable"
_INDEX = WholeNumber(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)


class Inputs:
    """All inputs, and with ``parsed`` those that a command was given, by the names that people write."""

    def __init__(self, parsed: Mapping[str, Any] | None = None) -> None:
        self.parsed = parsed or {}

    def over(self, settings: Mapping[str, Any]) -> "Inputs":
        """Return these inputs, and beside them settings by the names of inputs; what was given beats what is set."""
        return Inputs({**settings, **self.parsed})

    def but(self, **changes: object) -> "Inputs":
        """Return the inputs with some changed; with None, one is taken out."""
        changed = {vars(Inputs)[name].name: value for name, value in changes.items()}
        return Inputs({name: value for name, value in {**self.parsed, **changed}.items() if value is not None})

    command = Input("What to do.", str, "a command", default="maintain")
    repository = Input(
        "The database: a git URL, a path, or owner/name on GitHub; with {shard} in it, one spread over many. In a workflow "
        "that names none, maintenance takes the repositories of the config file, and everything else the workflow's own.",
        str,
        "a URL, a path or owner/name",
    )
    token = Input(
        "Sent to the server of the repository only, in a header.",
        forms.token,
        "a token",
        default="${{ github.token }}",
        shown=False,
    )
    transport = Input(
        "How a repository on GitHub is reached: by its API, by git, or by whichever takes fewer requests.",
        OneOf(("auto", "api", "git")),
        default="auto",
    )
    key = Input("The key; for the commands keys and ls, a pattern with *, ? and [...].", str, "any text", shown=False)
    key_env = Input("The variable of the step's 'env' that holds the key.", forms.variable, _VARIABLE)
    ref = Input(
        "Stands for the key where its name is not known: a ref of it, as a report or a list of branches shows it.",
        forms.key_ref,
        "the branch of a key's value, expiry or name, such as refs/heads/kv-1c/val-..., or a key id (40 hex digits)",
        shown=False,
    )
    keys = Input("Several keys.", forms.names, "a JSON list of strings, or one key a line", shown=False)
    to = Input("The key that it is copied to, or its new name.", str, "any text", shown=False)
    to_env = Input("The variable of the step's 'env' that holds the key to copy to, or the new name.", forms.variable, _VARIABLE)
    key_type = Input(
        "The type of the key, or of both, which is part of its identity.",
        OneOf(("string", "number", "boolean", "json", "bytes")),
        "string, number, boolean, json or bytes (base64)",
        default="string",
    )
    store_key = Input("Store the key itself, so that the command keys can list it by name.", Flag(), default="false")
    field = Input("The name of a field of a map.", forms.field_name, _FIELD_NAME, shown=False)
    field_env = Input("The variable of the step's 'env' that holds the name of the field.", forms.variable, _VARIABLE)
    fields = Input("Several fields of a map.", forms.field_names, "a JSON list of strings, or one field a line", shown=False)
    index = Input("The place in an array, from 0; -1 is the last one.", _INDEX, "a whole number")
    from_ = Input("Which end of the array it is taken from.", OneOf(("first", "last")), default="last")
    start = Input(
        "The first index to read, 0 unless given, where -1 is the last one; "
        "or the first number of a counter, or of a field, that begins.",
        WholeNumber(INT64_MIN, INT64_MAX),
        "a whole number of 64 bits",
    )
    stop = Input("The last index to read; -1 is the last one.", _INDEX, "a whole number", default="-1")
    value = Input(
        "The value to store, up to 100 KiB; bytes and files as base64.", forms.inline, "text that fits the type", shown=False
    )
    value_env = Input(
        "The variable of the step's 'env' that holds the value: so no text of others gets into a workflow's YAML or a shell.",
        forms.variable,
        _VARIABLE,
    )
    value_file = Input("A file that holds the value to store, up to 25 MB.", str, "the path of a file", shown=False)
    values = Input(
        "Several keys, or fields of a map, with their values, or values for apush; all or none.",
        forms.members,
        "a JSON object, for apush a JSON list",
        shown=False,
    )
    type = Input(
        "The type of the value; keys and ls list only what is of a type given. Unless given, mset takes it from the JSON, and "
        "elements take that of their map or array.",
        OneOf(KEY_TYPES),
        f"{OneOf(VALUE_TYPES)}; for keys and ls, {SomeOf(KEY_TYPES)}",
        default="string",
    )
    media_type = Input("The media type of a value of type file.", str, "a media type such as image/png")
    with_types = Input("Answer with the type of each key, too.", Flag(), default="false")
    long = Input(
        "Answer with more than the name of each key: category, type, size, expiry, and what waits for a gather.",
        Flag(),
        default="false",
    )
    names_from = Input(
        "A file of names, one a line: by these, keys are listed, or exported, whose names are not stored.",
        str,
        "the path of a file",
        shown=False,
    )
    expires_within = Input("List only keys that expire before this time is over.", Duration(1, _CENTURIES))
    expired = Input("List the keys that have expired and were not swept yet, instead of those that live.", Flag(), default="false")
    ttl = Input("How long the key, or the element, lives from now on; a counter from its beginning.", Duration(1, _CENTURIES))
    expires_at = Input(
        "When the key, or the element, stops existing.",
        forms.moment,
        "a time with its zone as RFC 3339 writes it, such as 2027-01-31T12:00:00Z",
    )
    keep_ttl = Input("Keep the expiry that the key, or the element, has.", Flag(), default="false")
    refresh_ttl = Input("Give the lifetime to a counter that is there, too, not only to one that begins.", Flag(), default="false")
    expiry_granularity = Input(
        "Expiry times are rounded up to multiples of this.",
        Duration(1, YEAR),
        f"{Duration(1, YEAR)}, up to 366 days",
        default="60s",
    )
    expiry_registry = Input(
        "Where to look up, at a CDN and without a token, when keys expire whose expiry the repository does not give.",
        OwnerAndName(),
        "the name of a public repository on github.com, owner/name",
    )
    if_ = Input(
        "Write only if the key, or the element, is absent, or present; change an expiry only if the new one is longer, or shorter, "
        "than what is left, or if there is none, or some.",
        OneOf((*EXISTENCE, *ENDINGS)),
        f"{OneOf(EXISTENCE)}; to change an expiry, {OneOf(ENDINGS)}",
    )
    get_old = Input("Answer with the value that was there before, as 'old-value'.", Flag(), default="false")
    if_version = Input(
        "Write only over this version of the value; wait until it is another.",
        forms.oid,
        "the output 'version' of an earlier step (40 hex digits)",
    )
    equals = Input("The value that the key, or the field, must have, as the output 'value' shows it.", str, "any text", shown=False)
    equals_env = Input("The variable of the step's 'env' that holds that value.", forms.variable, _VARIABLE)
    less_than = Input("The number that the value must be less than.", forms.number, "a number")
    at_least = Input("The number that the value must be, or be more than.", forms.number, "a number")
    on_failed = Input("Whether a condition that is not met fails the step.", OneOf(("ok", "fail")), default="ok")
    by = Input(
        "How much to add or subtract.",
        WholeNumber(INT64_MIN + 1, INT64_MAX, excluded=(0,)),
        "a whole number of 64 bits, not 0",
        default="1",
    )
    pad = Input(
        "How many characters the output 'padded' has, with leading zeros, where the number is not longer.",
        WholeNumber(1, MAX_PAD),
    )
    contention = Input(
        "What incr does when a rival is faster: wait for a number of its own, or leave a breadcrumb for the next gather.",
        OneOf(("retry", "breadcrumb")),
        default="retry",
    )
    op_id = Input(
        "Makes the step repeatable: what has the same id is done once.",
        str,
        "any text; a counter remembers 128 operations, and all else is remembered for 7 days",
        shown=False,
    )
    max_attempts = Input("How often a write that rivals deny is tried.", WholeNumber(1, 1000), default="20")
    default = Input("The output 'value' if the key, or the element, does not exist.", str, "any text", shown=False)
    on_missing = Input("Whether a missing key, or element, fails the step.", OneOf(("ok", "fail")), default="ok")
    output_file = Input(
        "Write the value to this file instead of the output 'value'. Of export it is where all goes.",
        str,
        "the path of a file",
        shown=False,
    )
    mask = Input("Hide the value in the rest of the log.", Flag(), default="false")
    commands = Input(
        "The commands of a batch: a list, in YAML or JSON, of what steps of them take, each with an 'id' if you like.",
        forms.commands,
        "a list of commands",
        shown=False,
    )
    atomic = Input("Whether the commands of a batch are one transaction; if not, each is done for itself.", Flag(), default="true")
    shard_length = Input(
        "How many digits of the key id name the directory of its refs; the same for all writers of a database.",
        WholeNumber(1, MAX_SHARD_LENGTH),
        default="2",
    )
    repository_shard_length = Input(
        "How many digits of the key id stand for {shard} in the name of a repository: a database over 16, 256 or 4096 of them.",
        WholeNumber(1, MAX_REPOSITORY_DIGITS),
        f"a whole number from 1 to {MAX_REPOSITORY_DIGITS}; 'shard-length' must be greater",
    )
    redirect_to = Input(
        "The repository where the key lives from now on, on the same server; none takes a redirect away.",
        forms.redirect_target,
        "owner/name, which may have {shard}, or none",
    )
    redirect_shard_length = Input(
        "The shard length of that repository, if it is not that of the database.", WholeNumber(1, MAX_SHARD_LENGTH)
    )
    redirect_allow = Input(
        "Repositories to which redirects are followed; by default those of the same owner.",
        forms.repository_patterns,
        "a JSON list, or one a line, of owner/name, owner/* or *",
    )
    follow_writes = Input("Write to a redirected key where it lives, instead of refusing it.", Flag(), default="false")
    encryption_key = Input(
        "Encrypts keys and values. Of several, the first encrypts the names of keys and must stay the first; whatever any of "
        "them encrypted can be read.",
        forms.encryption_keys,
        "32 random bytes in base64, or several such keys, one a line, each as NAME: KEY",
        shown=False,
    )
    encryption_kid = Input(
        "The name of the encryption key that encrypts what is written; a key alone gets its name by it.",
        forms.kid,
        "1 to 64 of A-Z a-z 0-9 . _ -",
        default="the last one",
    )
    encryption = Input(
        "Fail where anything would be read or written in the clear: without a key, in an unmarked database, and for counters.",
        OneOf((REQUIRED,)),
    )
    owner = Input(
        "Who takes the lock, or releases it: whoever gives the same text is the same owner. Others can read it.",
        forms.owner,
        f"text of 1 to {MAX_OWNER_CHARACTERS} characters",
        default="one of this step alone",
        shown=False,
    )
    slots = Input(
        "How many owners may hold the lock at once; the same for all who use it.",
        WholeNumber(1, MAX_SLOTS),
        default="1",
    )
    until = Input(
        "What is waited for: that the key, or the field, is there or not, or that its value is another, or as it should be.",
        OneOf(("present", "absent", "changed", "equals", "less-than", "at-least")),
    )
    wait = Input(
        "How long to wait for a lock that another owner holds, or until the condition is met; at 0s it is looked at once.",
        Duration(0, YEAR),
        default="0s",
    )
    input_file = Input("The file of the export that is imported.", str, "the path of a file", shown=False)
    if_exists = Input(
        "What import does with a key that exists and holds something else: fail before anything is written, keep what is there, or "
        "replace it.",
        OneOf(("fail", "skip", "overwrite")),
        default="fail",
    )
    repair = Input(
        "Do what check advises: take out what is damaged, parked below gc/ where it can be, and never touch what can be read.",
        Flag(),
        default="false",
    )
    dry_run = Input("Plan and report only.", Flag(), default="false")
    grace_period = Input("Breadcrumbs younger than this are left for the next gather.", Duration(0, YEAR), default="2m")
    retention = Input("How long values removed by getdel stay parked.", Duration(0, 100 * YEAR), default="7d")
    previous_report = Input(
        "A file with the output 'report' of an earlier run, if there is one: what has changed since is shown.",
        str,
        "the path of a file",
        shown=False,
    )
    horizon = Input(
        "How far ahead publish-expiries fills an expiry registry; no key should live longer.",
        Duration(0, 100 * YEAR),
        default="400d",
    )
    max_writes = Input("At most this many ref transactions.", WholeNumber(1, INT64_MAX), "a whole number, 1 or more")
    max_seconds = Input(
        "Begin no new batch, and wait for no rate limit, beyond this many seconds.",
        WholeNumber(1, YEAR),
        "a whole number, 1 or more",
    )
    config = Input(
        "The config file of maintenance (docs/config.md); an input that is given beats what the file says. A workflow step "
        "that names none reads .github/git-keyval.yml if there is one.",
        str,
        "the path of a YAML file",
    )


INPUTS: Mapping[str, Input[object]] = {item.name: item for item in vars(Inputs).values() if isinstance(item, Input)}
"""All inputs by name."""
