"""redirects.json: redirects to other repositories."""

from collections.abc import Iterator

from tests.vectors.cases.raw import Json, malformed_messages, message_only

_GOOD = '{"category":"redirect","repository":"owner/name","shardLength":2,"version":2}\n'

_NAMES = (
    "owner/name",
    "Owner-1/Na.me_2",
    "o/n",
    "0wner/.github",
    "a.b_c/-x",
    "o/" + "n" * 100,
    "o" * 100 + "/n",
    "o/a..b",
    "o/git",
)
_NO_NAMES = {
    "empty": "", "no owner": "name", "an empty owner": "/name", "an empty name": "owner/", "three parts": "owner/group/name",
    "an address": "https://example.org/owner/name", "a host": "example.org:owner/name", "a user": "git@example.org:owner/name",
    "an absolute path": "/srv/git", "a path from here": "./name", "a folder up": "../name", "a folder up as the name": "owner/..",
    "this folder": "owner/.", "the owner is hidden": ".owner/name", "an option": "-o/name", "with .git": "owner/name.git",
    "only .git": "owner/.git", "with .GIT": "owner/name.GIT", "a space": "owner/na me", "a line feed": "owner/name\\n",
    "percent": "owner/na%2Fme", "a backslash": "owner\\\\name", "a query": "owner/name?x", "a fragment": "owner/name#x",
    "beyond ASCII": "owner/n\u00e4me", "a digit beyond ASCII": "owner/\u0661", "a NUL": "owner/\\u0000", "a tilde": "~/name",
    "a placeholder": "owner/kv-{shard}", "too long a name": "o/" + "n" * 101, "too long an owner": "o" * 101 + "/n",
}  # fmt: skip


def redirects() -> Json:
    return {
        "redirects": [
            {"repository": repository, "shardLength": length, **message_only(_message(repository, length))}
            for repository, length in [*((name, 2) for name in _NAMES), ("owner/name", 1), ("owner/name", 39)]
        ],
        "malformed": list(_malformed()),
    }


def _message(repository: str, length: int) -> str:
    return f'{{"category":"redirect","repository":"{repository}","shardLength":{length},"version":2}}\n'


def _malformed() -> Iterator[Json]:
    def swapped(old: str, new: str) -> str:
        assert old in _GOOD
        return _GOOD.replace(old, new)

    messages = {f"repository: {name}": swapped("owner/name", text) for name, text in _NO_NAMES.items()}
    for name, length in {
        "zero": "0", "forty": "40", "negative": "-1", "a fraction": "2.5", "a fraction that is whole": "2.0", "text": '"2"',
        "true": "true", "null": "null", "a list": "[2]", "very large": "1e400",
    }.items():  # fmt: skip
        messages[f"shardLength: {name}"] = swapped('"shardLength":2', f'"shardLength":{length}')
    messages |= {
        "empty": "",
        "no line feed": _GOOD[:-1],
        "two line feeds": _GOOD + "\n",
        "a space": swapped('":"redirect', '": "redirect'),
        "order of members": '{"category":"redirect","shardLength":2,"repository":"owner/name","version":2}\n',
        "a member twice": swapped('"shardLength":2', '"shardLength":2,"shardLength":2'),
        "a member too many": swapped('"version":2', '"version":2,"x":1'),
        "no repository": swapped('"repository":"owner/name",', ""),
        "no shardLength": swapped('"shardLength":2,', ""),
        "repository is a list": swapped('"owner/name"', '["owner/name"]'),
        "another category": swapped("redirect", "data"),
        "another version": swapped('"version":2', '"version":3'),
        "an escaped slash": swapped("owner/name", "owner\\/name"),
    }
    yield from malformed_messages(messages, _GOOD)
