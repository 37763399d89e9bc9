"""What to say of a call that is no call: what was meant, as far as it can be told, and how that is written.

It is imported only where there is a mistake to explain. What was typed as a value is not repeated: it may be a secret.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import click

from git_keyval.cli.parameters import arguments_of
from git_keyval.interface.commands import COMMANDS, Signature
from git_keyval.interface.inputs import INPUTS

_NUMBER = re.compile(r"-[0-9.].*")
_CLOSE = 0.7
"""How much alike two names are of which one may be meant by the other, from 0 to 1."""

INSTEAD: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("list", "dir", "scan", "show"), ("ls", "keys")),
    **dict.fromkeys(("stat", "stats", "status", "dbsize"), ("info", "check")),
    **dict.fromkeys(("delete", "rm", "remove", "unset", "unlink"), ("del KEY",)),
    **dict.fromkeys(("put", "store", "write", "add"), ("set KEY VALUE",)),
    **dict.fromkeys(("read", "cat", "fetch"), ("get KEY",)),
    **dict.fromkeys(("mv", "move", "renamenx"), ("rename KEY TO",)),
    **dict.fromkeys(("cp",), ("copy KEY TO",)),
    **dict.fromkeys(("push", "rpush", "lpush", "rpushx", "lpushx"), ("apush KEY VALUE",)),
    **dict.fromkeys(("pop", "rpop"), ("apop KEY",)),
    "lpop": ("apop KEY --from first",),
    "shift": ("apop KEY --from first",),
    "lrange": ("arange KEY START STOP",),
    "lindex": ("aget KEY INDEX",),
    "lset": ("aset KEY INDEX VALUE",),
    "llen": ("alen KEY",),
    "setnx": ("set KEY VALUE --if absent",),
    "setex": ("set KEY VALUE --ttl 15m",),
    "psetex": ("set KEY VALUE --ttl 15m",),
    "getset": ("set KEY VALUE --get-old",),
    "getex": ("get KEY", "expire KEY --ttl 15m"),
    "strlen": ("get KEY",),
    **dict.fromkeys(("incrby", "increment", "inc"), ("incr KEY --by 5",)),
    **dict.fromkeys(("decrby", "decrement", "dec"), ("decr KEY --by 5",)),
    "incrbyfloat": ("incr KEY",),
    "hmset": ("hset KEY FIELD VALUE",),
    "hsetnx": ("hset KEY FIELD VALUE --if absent",),
    "hmget": ("hget KEY --fields FIELDS",),
    **dict.fromkeys(("hvals", "hscan"), ("hgetall KEY",)),
    "hexists": ("hget KEY FIELD --exit-code",),
    "hincrby": ("hincr KEY FIELD --by 5",),
    "hincrbyfloat": ("hincr KEY FIELD",),
    "expireat": ("expire KEY --expires-at 2027-01-31T12:00:00Z",),
    **dict.fromkeys(("pexpire", "touch"), ("expire KEY --ttl 15m",)),
    **dict.fromkeys(("pttl", "expiretime"), ("ttl KEY",)),
    **dict.fromkeys(("multi", "exec", "pipeline"), ("batch FILE",)),
    **dict.fromkeys(("subscribe", "monitor", "psubscribe"), ("watch KEY",)),
    **dict.fromkeys(("gc", "clean", "prune", "vacuum"), ("maintain",)),
    **dict.fromkeys(("fsck", "verify", "doctor"), ("check",)),
    **dict.fromkeys(("dump", "save", "backup", "bgsave"), ("export",)),
    **dict.fromkeys(("restore", "load"), ("import FILE",)),
    "create": ("init",),
    "version": ("--version",),
}
"""How that is called here which other programs, above all redis-cli, have under these names."""

_OPTIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("--ex", "--px", "--expire", "--expires", "--expiry", "--lifetime", "--timeout"), ("--ttl 15m", "--wait 15m")),
    **dict.fromkeys(("--exat", "--at"), ("--expires-at 2027-01-31T12:00:00Z",)),
    "--nx": ("--if absent",),
    "--xx": ("--if present",),
    "--keepttl": ("--keep-ttl",),
    **dict.fromkeys(("--db", "--database", "--repo", "--url", "--host", "-h", "-n", "-C"), ("--repository REPOSITORY",)),
    **dict.fromkeys(("-o", "--out", "--output"), ("--output-file FILE",)),
    **dict.fromkeys(("-f", "--file", "-x"), ("--value-file FILE",)),
    **dict.fromkeys(("--amount", "--step"), ("--by 5",)),
    **dict.fromkeys(("--fallback", "--else"), ("--default VALUE",)),
    **dict.fromkeys(("-a", "--password", "--auth"), ("--token TOKEN",)),
}
_REDIS_WORDS = {
    **dict.fromkeys(("ex", "px"), "--ttl 15m"),
    **dict.fromkeys(("exat", "pxat"), "--expires-at 2027-01-31T12:00:00Z"),
    "nx": "--if absent",
    "xx": "--if present",
    "keepttl": "--keep-ttl",
    "get": "--get-old",
    "left": "--from first",
    "right": "--from last",
}


def explained(error: click.ClickException) -> str:
    """Return one line on what is wrong with a call, and what may have been meant."""
    match error:
        case click.NoSuchCommand(ctx=click.Context(command=click.Group() as program) as context):
            return no_command(error.command_name, program.list_commands(context))
        case click.NoSuchOption(ctx=click.Context() as context):
            return _no_option(error.option_name, context)
        case click.MissingParameter(param=click.Argument() as argument, ctx=click.Context() as context):
            return f"{argument.make_metavar(context).rstrip('.')} is missing."
    return error.format_message()


def usage_of(error: click.ClickException) -> str:
    """Return how the command is called that the error is about; empty where it is about none."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return "" if context is None or context.parent is None else context.get_usage()


def no_command(name: str, known: Collection[str]) -> str:
    """Return what to say where there is no command of a name, but those that are ``known``."""
    there_is_none = f"There is no command {name[:60]!r}."
    lowered = name.lower().replace("_", "-")
    if lowered in known:
        return f"{there_is_none} Commands are written in small letters: git-keyval {lowered}"
    lines = [line for line in INSTEAD.get(lowered, ()) if line.startswith("-") or line.split()[0] in known]
    if not lines:
        lines = _alike(lowered, known)
    if lines:
        return f"{there_is_none} Did you mean: {' or '.join(f'git-keyval {line}' for line in lines)}"
    return f"{there_is_none} All that there are: git-keyval --help"


def too_many(command: Signature, words: Sequence[str]) -> str:
    """Return what to say of words that are more than a command takes."""
    known = [_REDIS_WORDS[word.lower()] for word in words if word.lower() in _REDIS_WORDS]
    known = [option for option in known if option.split()[0][2:] in command.inputs]
    count = f"{command.name} was given {len(words)} word{'s' if len(words) > 1 else ''} too many."
    if known:
        return f"{count} What {words[0].upper()} and the like say elsewhere, options say here: {' '.join(known)}"
    if "by" in command.inputs:
        return f"{count} How much is said by an option: --by 5"
    if "ttl" in command.inputs and "value" not in command.inputs:
        return f"{count} A lifetime is given by an option, with its unit: --ttl 15m"
    if "fields" in command.inputs:
        return f'{count} Several fields are given by an option: --fields \'["a", "b"]\''
    return f"{count} Text with spaces in it stands in quotes."


def _no_option(name: str, context: click.Context) -> str:
    command = context.info_name or ""
    if _NUMBER.fullmatch(name) and command in COMMANDS:
        return _hyphen(name, COMMANDS[command])
    offered = {option: parameter for parameter in context.command.params for option in parameter.opts}
    lines = [line for line in _OPTIONS.get(name, ()) if line.split()[0] in offered]
    lines = lines or [option for option in offered if len(name) > len("--x") and option.startswith(name)] or _alike(name, offered)
    if name[2:] in INPUTS and context.parent and name not in _OPTIONS:
        return f"{command} does not take {name}. All that it takes: git-keyval {command} --help"
    there_is_none = f"{command if context.parent else 'git-keyval'} has no option {name[:60]!r}."
    if lines:
        return f"{there_is_none} Did you mean: {' or '.join(lines)}"
    return f"{there_is_none} A value that begins with a hyphen follows after --. All options: {context.command_path} --help"


def _hyphen(number: str, command: Signature) -> str:
    if "by" in command.inputs:
        return f"How much is said by an option: git-keyval {command.name} KEY --by {number}"
    first, *rest = (name.upper() for name in arguments_of(command))
    return (
        f"{number} begins with a hyphen, as options do. What follows after -- is no option: "
        f"git-keyval {command.name} {' '.join([first, '--', *rest[:-1]])} {number}"
    )


def _alike(name: str, known: Iterable[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, list(known), n=2, cutoff=_CLOSE)
