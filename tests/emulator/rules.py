"""What a repository refuses whoever asks, by whichever way: ref names, rulesets, push protection."""

from collections.abc import Iterable

from tests.emulator.objects import ZERO, Oid
from tests.emulator.options import Act, Options
from tests.emulator.refs import is_refused_by_github, is_reserved, is_valid_name

RULE_TEXTS: dict[Act, str] = {
    "creation": "Cannot create ref due to creations being restricted.",
    "update": "Cannot update this protected ref.",
    "deletion": "Cannot delete this protected ref.",
}
TOO_MANY_REFS = "Pushes can not update more than {limit} branches or tags. (max_ref_updates)"


def act_of(before: Oid, after: Oid) -> Act | None:
    """Return what a change does; None for an assertion."""
    if before == after:
        return None
    if before == ZERO:
        return "creation"
    return "deletion" if after == ZERO else "update"


def protection(options: Options, name: str, act: Act | None) -> str | None:
    """Return the text of the ruleset that refuses this, or None."""
    if act and any(rule.refuses(name, act) for rule in options.protected):
        return RULE_TEXTS[act]
    return None


def name_is_refused(name: str) -> bool:
    return not is_valid_name(name) or is_refused_by_github(name) or is_reserved(name)


def has_secret(options: Options, contents: Iterable[bytes]) -> bool:
    pattern = options.secrets
    return pattern is not None and any(pattern.search(content) for content in contents)
