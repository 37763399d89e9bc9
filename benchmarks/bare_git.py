"""The same reads and writes with git alone: a process of git for each object and each move, and nothing checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.databases import COUNTER, COUNTERS_TO_GATHER, FIELD, KEYS_PER_NAME, MAP, TEXT, key_id_of, value_ref
from benchmarks.measuring import timed
from benchmarks.meter import Sample
from benchmarks.processes import run_git
from git_keyval.format.names import DEFAULT_NAMING

_MANY = 50
_IDENTITY = {f"GIT_{who}_{what}": "a@a.a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_KEYS, _TRAILS = "refs/heads/kv-*", "refs/tags/kv-*/bc-*"

_SET = """
data=$(echo value | git hash-object -w --stdin) && facts=$(echo '{}' | git hash-object -w --stdin)
tree=$(printf '100644 blob %s\\tbytes\\n100644 blob %s\\tmetadata.json\\n' $data $facts | git mktree)
git update-ref REF $(git commit-tree $tree -m '{}')
"""
_INCR = """
old=$(git rev-parse REF) && git cat-file commit $old >/dev/null
git update-ref REF $(git commit-tree REF^{tree} -m "$$") $old
"""
_HSET = """
old=$(git rev-parse REF) && data=$(echo value $$ | git hash-object -w --stdin)
fields=$( (git ls-tree REF:elements | grep -v FIELD; printf '100644 blob %s\\tFIELD\\n' $data) | git mktree)
tree=$( (git ls-tree REF | grep -v elements; printf '040000 tree %s\\telements\\n' $fields) | git mktree)
git update-ref REF $(git commit-tree $tree -m '{}') $old
"""
_LIST_NAMES = f"git for-each-ref --format='%(refname):bytes' '{_KEYS}/key-*' | git cat-file --batch"
_SWEEP = f"git for-each-ref --format='%(refname) %(contents)' '{_KEYS}/exp-*' && git update-ref --stdin < DELETIONS"
_GATHER = f"""
git for-each-ref --format='%(refname) %(contents)' '{_TRAILS}/*'
git for-each-ref --format='delete %(refname)' '{_TRAILS}/*' > MOVES
git hash-object -w -t commit --stdin-paths < COMMITS > OIDS && paste -d ' ' COUNTERS OIDS >> MOVES && git update-ref --stdin < MOVES
"""
_CHECK = f"git for-each-ref --format='%(refname) %(objecttype) %(contents)' && {_LIST_NAMES}"


@dataclass(frozen=True, slots=True)
class BareGit:
    """git on a repository of the kind ``scale``, of so many keys, the first of which are due."""

    repository: Path
    amount: int
    due: int

    def run(self, command: str) -> Sample:
        """Do what the command does."""
        if command in {"get", "mget"}:
            numbers = range(self.amount - (1 if command == "get" else _MANY), self.amount)
            return self._git("cat-file", "--batch", stdin="".join(map(_all_of, numbers)))
        return self._shell(self._script(command))

    def _script(self, command: str) -> str:
        labels = {"set": TEXT, "incr": COUNTER, "hset": MAP}
        scripts = {
            "set": _SET, "incr": _INCR, "hset": _HSET, "keys": _LIST_NAMES, "sweep": _SWEEP, "gather": _GATHER, "check": _CHECK,
        }  # fmt: skip
        script = scripts[command].replace("FIELD", FIELD)
        if command in labels:
            return script.replace("REF", value_ref(labels[command]))
        if command == "sweep":
            return script.replace("DELETIONS", str(self._write("deletions", _deletions(self.due))))
        return self._prepare_gather(script) if command == "gather" else script

    def _prepare_gather(self, script: str) -> str:
        counters = [DEFAULT_NAMING.value(key_id_of(self.amount + number)) for number in range(COUNTERS_TO_GATHER)]
        commit = self._write("commit", [run_git("-C", self.repository, "cat-file", "commit", value_ref(COUNTER))])
        script = script.replace("COMMITS", str(self._write("commits", [f"{commit}\n"] * len(counters))))
        script = script.replace("COUNTERS", str(self._write("counters", [f"update {name}\n" for name in counters])))
        return script.replace("MOVES", str(self._beside("moves"))).replace("OIDS", str(self._beside("oids")))

    def _beside(self, name: str) -> Path:
        return self.repository.with_name(f"{self.repository.name}.{name}")

    def _write(self, name: str, lines: Iterable[str]) -> Path:
        path = self._beside(name)
        path.write_text("".join(lines), encoding="utf-8")
        return path

    def _git(self, *arguments: str, stdin: str) -> Sample:
        return timed(["git", "-C", self.repository, *arguments], stdin=stdin.encode())

    def _shell(self, script: str) -> Sample:
        return timed(["sh", "-ec", script], environ={**_IDENTITY, "GIT_DIR": str(self.repository)})


def _all_of(number: int) -> str:
    key_id = key_id_of(number)
    return f"{DEFAULT_NAMING.expiry(key_id)}\n{DEFAULT_NAMING.value(key_id)}\n{DEFAULT_NAMING.value(key_id)}:bytes\n"


def _deletions(due: int) -> Iterable[str]:
    for number in range(due):
        key_id = key_id_of(number)
        yield f"delete {DEFAULT_NAMING.value(key_id)}\ndelete {DEFAULT_NAMING.expiry(key_id)}\n"
        if number % KEYS_PER_NAME == 0:
            yield f"delete {DEFAULT_NAMING.key(key_id)}\n"
