"""The config file: what it may say, what is told of mistakes, and the JSON Schema that editors check it with."""

import json
import re
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from git_keyval.errors import ConfigError
from git_keyval.interface.commands import COMMANDS, JOBS
from git_keyval.interface.config import JOB_SETTINGS, SETTINGS, Config, Listed, Settings, read_config
from git_keyval.interface.inputs import INPUTS
from git_keyval.interface.yaml_nodes import compose
from tools.config_schema import config_schema

ROOT = Path(__file__).parent.parent.parent
PATH = ".github/git-keyval.yml"
SECRET = "markedsecret3d"
SCHEMA = Draft7Validator(config_schema())


def read(text: str | bytes) -> Config:
    return read_config(text if isinstance(text, bytes) else text.encode(), PATH, str.lower)


def problems(text: str | bytes) -> list[tuple[int, str]]:
    with pytest.raises(ConfigError) as raised:
        read(text)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"{PATH}:{raised.value.problems[0][0]}: ")
    return list(raised.value.problems)


# --- what it may say ------------------------------------------------------------------------------------------------

WHOLE = """\
# Everything that can be said.
repositories:
  - org/database-0
  - ./database.git
  - repository: "org/audit"
    retention: 90d
    dry-run: false
    gather: {max-writes: 3}
transport: api
dry-run: true
retention: PT15M
grace-period: 0s
max-writes: 5000
max-seconds: +600
gather:
  grace-period: 5m
  max-writes: 0010
sweep:
  max-writes: 20
purge:
  retention: 1d
  max-writes: 30
"""


def test_everything_that_can_be_said_is_read() -> None:
    assert read(WHOLE) == Config(
        PATH,
        Settings(
            {"transport": "api", "dry-run": True, "retention": 900, "grace-period": 0, "max-writes": 5000, "max-seconds": 600},
            {
                "gather": {"grace-period": 300, "max-writes": 10},
                "sweep": {"max-writes": 20},
                "purge": {"retention": 86_400, "max-writes": 30},
            },
        ),
        (
            Listed("org/database-0", Settings()),
            Listed("./database.git", Settings()),
            Listed("org/audit", Settings({"retention": 7_776_000, "dry-run": False}, {"gather": {"max-writes": 3}})),
        ),
    )


def test_the_settings_are_the_inputs_of_maintenance() -> None:
    """So an input that a maintenance command gets is a setting, too, without a second list."""
    taken = {name for command in COMMANDS.values() if command.maintains for name in command.inputs}
    assert set(SETTINGS) == (taken | {"transport", "repository-shard-length"}) - {
        "config",
        *("previous-report", "names-from", "output-file", "repair"),
        "encryption-key",
        "encryption-kid",
        "encryption",
    }
    for job in JOBS:
        whole_run = {"dry-run", "max-seconds", "config", "expiry-registry", "previous-report"}
        assert set(JOB_SETTINGS[job]) == set(COMMANDS[job].inputs) - whole_run


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffretention: 1d",
        "%YAML 1.2\n---\nretention: 1d\n...\n",
        "retention: 1d\r\n",
        '{"retention": "1d"}',
        "'retention': |-\n  1d\n",
    ],
)
def test_the_same_may_be_written_in_several_ways(text: str) -> None:
    assert read(text) == Config(PATH, Settings({"retention": 86_400}), ())


@pytest.mark.parametrize(("word", "value"), [("true", True), ("True", True), ("TRUE", True), ("false", False), ("FALSE", False)])
def test_truth_values_are_those_of_yaml_1_2(word: str, value: bool) -> None:  # noqa: FBT001  # a column of the table
    assert read(f"dry-run: {word}").settings.common == {"dry-run": value}


# --- what is told of mistakes ---------------------------------------------------------------------------------------

MISTAKES: list[tuple[str, int, str]] = [
    ("retenton: 7d", 1, "'retenton' is unknown here. Accepted: 'retention' (was that meant?)."),
    ("retention: 7d\nRepositories: [a/b]", 2, "'repositories' (was that meant?)"),
    ("repository: a/b", 1, "'repositories' (was that meant?)"),
    ("command: maintain", 1, "'command' is unknown here"),
    ("config: other.yml", 1, "'config' is unknown here"),
    ("shard-length: 3", 1, "'shard-length' is unknown here. Accepted: 'repository-shard-length' (was that meant?)."),
    ("'::add-mask::x\\n': 1", 1, "'::add-mask::x\\\\n' is unknown here"),
    ("<<: {retention: 7d}", 1, "'<<' is unknown here"),
    ("retention: a week", 1, "'retention' was given 'a week', which is not accepted. Accepted: a duration such as 90s"),
    ("retention: 7", 1, "'retention' is a whole number. Accepted: a duration"),
    ("retention: 1.5", 1, "'retention' is a number. Accepted: a duration"),
    ("retention:", 1, "'retention' is empty. Accepted: a duration"),
    ("retention: ~", 1, "'retention' is empty"),
    ("retention: [7d]", 1, "'retention' is a list"),
    ("retention: {}", 1, "'retention' is a mapping"),
    ("grace-period: 367d", 1, "'grace-period' was given '367d'"),
    ("dry-run: yes", 1, "'dry-run' is text. Accepted: true or false."),
    ('dry-run: "true"', 1, "'dry-run' is text. Accepted: true or false, without quotes."),
    ("dry-run: 1", 1, "'dry-run' is a whole number"),
    ("max-writes: true", 1, "'max-writes' is true or false. Accepted: a whole number, 1 or more."),
    ("max-writes: '5'", 1, "'max-writes' is text. Accepted: a whole number, 1 or more, without quotes."),
    ("max-writes: 0", 1, "'max-writes' was given '0'"),
    ("max-writes: -0", 1, "'max-writes' was given '-0'"),
    ("max-writes: -5", 1, "'max-writes' was given '-5'"),
    ("max-writes: 0x10", 1, "'max-writes' is text"),
    ("max-writes: 1_000", 1, "'max-writes' is text"),
    ("max-writes: 1:30", 1, "'max-writes' is text"),
    ("max-writes: 9223372036854775808", 1, "'max-writes' was given '9223372036854775808'"),
    (f"max-writes: {'9' * 5000}", 1, "'max-writes' was given '9999"),
    ("max-seconds: 1e3", 1, "'max-seconds' is a number"),
    ("transport: ssh", 1, "'transport' was given 'ssh', which is not accepted. Accepted: auto, api or git."),
    ("gather: 5m", 1, "'gather' is text. Accepted: a mapping with grace-period or max-writes."),
    ("gather:", 1, "'gather' is empty"),
    ("gather:\n  retention: 1d", 2, "'retention' is unknown here. Accepted: grace-period, max-writes."),
    ("sweep:\n  grace-period: 1d", 2, "'grace-period' is unknown here"),
    ("purge:\n  dry-run: true", 2, "'dry-run' is for the whole run"),
    ("purge:\n  max-seconds: 5", 2, "'max-seconds' is for the whole run"),
    ("purge:\n  retention: 1x", 2, "'retention' was given '1x'"),
    ("repositories: []", 1, "'repositories' is an empty list"),
    ("repositories: a/b", 1, "'repositories' is text. Accepted: a list of repositories"),
    ("repositories:", 1, "'repositories' is empty"),
    ("repositories: {a/b: 1}", 1, "'repositories' is a mapping"),
    ("repositories:\n- a/b\n-", 3, "a repository is empty. Accepted: a URL, a path or owner/name."),
    ("repositories:\n- a/b\n- ''", 3, "a repository is empty, or"),
    ("repositories:\n- a/b\n- 5", 3, "a repository is a whole number"),
    ("repositories:\n- [a/b]", 2, "a repository is a list"),
    ('repositories:\n- "a\\nb"', 2, "a repository is empty, or has a line break"),
    ('repositories:\n- "a\\u2028b"', 2, "a repository is empty, or has a line break"),
    ('repositories:\n- "a\\ud800"', 2, "a repository is not valid UTF-8"),
    ("repositories:\n- a/b\n- c/d\n- a/b", 4, "this repository is listed twice, first in line 2."),
    ("repositories:\n- a/b\n- repository: A/b", 3, "this repository is listed twice, first in line 2."),
    ("repositories:\n- retention: 7d", 2, "'repository' is missing"),
    ("repositories:\n- repository:", 2, "a repository is empty"),
    ("repositories:\n- repository: a/b\n  retentoin: 7d", 3, "'retention' (was that meant?)"),
    ("repositories:\n- repository: a/b\n  retention: soon", 3, "'retention' was given 'soon'"),
    ("repositories:\n- repository: a/b\n  gather:\n    dry-run: true", 4, "'dry-run' is for the whole run"),
    ("repositories:\n- repository: a/b\n  repositories: [c/d]", 3, "'repositories' is unknown here"),
    ("retention: 1d\nmax-writes: 1\nretention: 2d", 3, "'retention' is given twice, first in line 1."),
    ("gather:\n  max-writes: 1\n  max-writes: 2", 3, "'max-writes' is given twice, first in line 2."),
    ("5: 1", 1, "a key must be text."),
    ("true: 1", 1, "a key must be text."),
    ("? [a]\n: 1", 1, "a key must be text."),
    ("? {a: b}\n: 1", 1, "a key must be text."),
    ("", 1, "there must be settings"),
    ("\n# nothing\n", 1, "there must be settings"),
    ("---\n", 2, "there must be settings"),
    ("- retention: 7d", 1, "there must be settings"),
    ("retention 7d", 1, "there must be settings"),
    ("null", 1, "there must be settings"),
]


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES, ids=[text[:40] for text, _, _ in MISTAKES])
def test_a_mistake_is_told_with_its_line_and_what_is_accepted(text: str, line: int, message: str) -> None:
    ((found, problem),) = problems(text)
    assert found == line
    assert message in problem


@pytest.mark.parametrize("end", ["\r", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("text", ["\n- a/b{}- c/d", "\n# a comment{}- c/d\n- a/b", '\n- "a/{}b"'])
def test_only_lf_and_cr_lf_end_a_line(text: str, end: str) -> None:
    """Of the others each is the end of a line for some readers of YAML, and none for the rest."""
    ((line, problem),) = problems(f"repositories:{text.format(end)}")
    assert (line, "neither LF nor CR LF" in problem) == (2, True)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems("repositories: []\nretenton: 7d\nmax-writes: many\ngather:\n  dry-run: true\nmax-seconds: 0\n")
    assert [line for line, _ in found] == [1, 2, 3, 5, 6]


def test_many_mistakes_are_counted() -> None:
    text = "".join(f"a{number}: 1\n" for number in range(500))
    assert len(problems(text)) == 500
    with pytest.raises(ConfigError, match=r"And 490 more\.$") as raised:
        read(text)
    assert len(str(raised.value)) < 4_000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"retention: 1d\ntoken: {SECRET}", 2),
        (f"repositories:\n- repository: a/b\n  token: {SECRET}", 3),
        (f"gather:\n  token: {SECRET}", 2),
        *(
            (f"repositories:\n- {address}", 2)
            for address in (
                f"https://user:{SECRET}@host/x.git",
                f"https://{SECRET}@host/x.git",
                f"HTTPS://{SECRET}@host/x.git",
                f"http://x:{SECRET}@host",
                f"ssh://git:{SECRET}@host/x.git",
            )
        ),
        (f"repositories:\n- repository: https://{SECRET}@host/x.git", 2),
    ],
)
def test_what_opens_a_repository_does_not_belong_into_the_file(text: str, line: int) -> None:
    ((found, problem),) = problems(text)
    assert found == line
    assert "the input 'token' from a secret" in problem
    assert SECRET not in problem


@pytest.mark.parametrize("address", ["ssh://git@host/x.git", "git@host:x.git", "https://host/a@b.git", "./a:b@c", "a b"])
def test_an_address_without_a_secret_is_one(address: str) -> None:
    assert [listed.repository for listed in read(f"repositories: ['{address}']").repositories] == [address]


@pytest.mark.parametrize(
    "text", [f"token: {SECRET}: x", f"a: '{SECRET}", f"retention: 1d\n\t{SECRET}: x", f"a: {SECRET}\n&x b", f"{SECRET}: \x00"]
)
def test_what_is_not_yaml_may_hold_a_secret_and_is_not_repeated(text: str) -> None:
    for data in (text.encode(), text.encode() + b"\n\xff"):
        with pytest.raises(ConfigError) as raised:
            read(data)
        shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(raised.value.__context__)
        assert SECRET not in shown


# --- hostile files --------------------------------------------------------------------------------------------------

LAUGHS = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
HOSTILE: list[tuple[str | bytes, int, str]] = [
    (LAUGHS, 1, "anchors and aliases"),
    ("gather: &a\n  max-writes: 1\nsweep: *a", 1, "anchors and aliases"),
    ("retention: 1d\nrepositories: &a [*a]", 2, "anchors and aliases"),
    ("retention: 1d\nsweep: *nothing", 2, "anchors and aliases"),
    ("retention: !!python/object/apply:os.system ['touch owned']", 1, "tags (!)"),
    ("retention: 1d\n!!python/name:os.system : 1", 2, "tags (!)"),
    ("retention: !!str 7d", 1, "tags (!)"),
    ("retention: ! 7d", 1, "tags (!)"),
    ("%TAG ! tag:x,2000:\n---\nretention: !foo 7d", 3, "tags (!)"),
    ("[" * 60_000, 1, "nested too deeply"),
    ("{a: " * 15_000, 1, "nested too deeply"),
    ("".join(" " * depth + "a:\n" for depth in range(300)), 20, "nested too deeply"),
    ("retention: 7d\n\tmax-writes: 1", 2, "is not YAML"),
    ("gather:\n\tmax-writes: 1", 2, "is not YAML: found character '\\t'"),
    ("retention: 7d: 8d", 1, "is not YAML: mapping values are not allowed here."),
    ("retention: '7d", 1, "is not YAML"),
    ("repositories: [a/b", 1, "is not YAML"),
    ("retention: 1d\n---\nretention: 2d", 2, "another document"),
    ("retention: 1d\nmax-writes: \x00", 2, "has a character that no YAML file may have"),
    ("retention: 1d\nmax-writes: \x1b[31m", 2, "has a character that no YAML file may have"),
    (b"retention: 1d\n# \xff\n", 2, "is not UTF-8 text"),
    ("retention: 1d".encode("utf-16"), 1, "is not UTF-8 text"),
    (b"\xfe\xff\x00", 1, "is not UTF-8 text"),
]


@pytest.mark.parametrize(("text", "line", "message"), HOSTILE, ids=[str(text[:30]) for text, _, _ in HOSTILE])
def test_what_could_do_harm_is_refused(text: str | bytes, line: int, message: str) -> None:
    ((found, problem),) = problems(text)
    assert message in problem
    assert found == line


@given(st.binary(max_size=200) | st.text(alphabet="ab:-? &*!'\"[]{},|>#%\n\t~1", max_size=60).map(str.encode))
@example(b"retention: 1d")
def test_anything_is_read_or_refused(data: bytes) -> None:
    """Nothing else is raised, whatever a file holds."""
    with suppress(ConfigError):
        read(data)


# --- the schema -----------------------------------------------------------------------------------------------------


def agrees(document: Any) -> bool:  # noqa: ANN401  # anything that JSON can say
    """Return whether a document is accepted, which the schema and the reader must agree about."""
    try:
        read(json.dumps(document, ensure_ascii=False))
    except ConfigError as exc:
        accepted, said = False, str(exc)
    else:
        accepted, said = True, ""
    errors = [error.message for error in SCHEMA.iter_errors(document)]
    assert accepted == (not errors), (document, said, errors)
    return accepted


# What a schema cannot say: how long a duration is, and that two names are those of one repository. And what Python's validator
# says otherwise than an editor's: a number such as 5.0 is an integer to it, and `$` in a pattern comes before a last line feed.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "transport": st.sampled_from(["auto", "api", "git", "ssh", ""]),
    "dry-run": st.sampled_from([True, False, "true", 1, None]),
    "retention": st.sampled_from(
        ["7d", "PT15M", "0s", "P1DT2H", "P2W", "7", "d", "7D", "1h30m", "PT", "P", "٣d", 7, True, None, []]
    ),
    "grace-period": st.sampled_from(["5m", "0s", "PT", " 5m", "5 m", 300, None]),
    "max-writes": st.sampled_from([1, 2**63 - 1, 2**63, 0, -1, 1.5, "5", True, None]),
    "expiry-registry": st.sampled_from(["org/expiries", "a/b.c_d-e", "org", "a/b/c", "https://h/x", "", 1, None]),
    "max-seconds": st.sampled_from([1, 31_622_400, 31_622_401, 0, "60", None, []]),
}
UNKNOWN = st.dictionaries(st.sampled_from(["token", "retenton", "command", "", "gathers"]), st.just("x"), max_size=1)
REPOSITORY = st.sampled_from(
    ["a/b", "./c.git", "https://host/x", "https://u:p@host/x", "ssh://git@host/x", "", "a\tb", "é", 5, None]
)


def some(values: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict(values))


def with_odd(known: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Any]:
    mostly = st.sampled_from([0] * 9 + [1])
    return st.builds(lambda one, odd, really: one | odd if really else one, known, UNKNOWN, mostly)


JOB: st.SearchStrategy[Any] = with_odd(some(VALUES)) | st.sampled_from([None, "x", []])
SETTING_VALUES = {**VALUES, **dict.fromkeys(JOBS, JOB)}
ENTRY: st.SearchStrategy[Any] = (
    REPOSITORY | with_odd(st.builds(dict.__or__, some(SETTING_VALUES), some({"repository": REPOSITORY}))) | st.just([])
)
REPOSITORIES = st.lists(ENTRY, max_size=3, unique_by=lambda one: str(one.get("repository") if isinstance(one, dict) else one))
DOCUMENTS: st.SearchStrategy[Any] = with_odd(
    some({**SETTING_VALUES, "repositories": REPOSITORIES | st.sampled_from([None, "a/b", {}])})
) | st.sampled_from([[], "x", None, 1])


@given(DOCUMENTS)
def test_the_schema_and_the_reader_agree(document: Any) -> None:  # noqa: ANN401  # anything that JSON can say
    agrees(document)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_schema_and_the_reader_agree_about_every_value_of_a_setting(name: str) -> None:
    answers = set()
    for values in VALUES.values():
        for value in values.elements:  # type: ignore[attr-defined]  # of sampled_from
            answers.add(agrees({name: value}))
            for job in JOBS:
                agrees({job: {name: value}})
            agrees({"repositories": [{"repository": "a/b", name: value}]})
    assert answers == {True, False}


def test_the_schema_and_the_reader_agree_about_whole_files() -> None:
    assert agrees(yaml.safe_load(WHOLE.replace("0010", "10")))
    for text, _, _ in MISTAKES:
        # What differs is told above, and YAML 1.1, in which Python's library reads, has more words and numbers.
        if re.search(r"yes|0x|1_000|1:30|1e3|367d|-0|99999|ud800|A/b|twice|true: 1|5: 1|\?|<<|\nmax-writes: 1\nret|1\n  max", text):
            continue
        assert not agrees(yaml.safe_load(text)), text


@pytest.mark.parametrize("name", SETTINGS)
def test_the_schema_explains_every_setting_and_its_default_is_accepted(name: str) -> None:
    setting: Any = config_schema()["properties"]
    assert INPUTS[name].description in setting[name]["description"]
    if INPUTS[name].default:
        assert agrees({name: setting[name]["default"]})


def test_the_schema_is_one() -> None:
    written = json.loads((ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(written)
    assert written == config_schema()


# --- the docs -------------------------------------------------------------------------------------------------------


def test_the_example_of_the_docs_is_one_that_works() -> None:
    text = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    example_file, workflow = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    config = read(example_file)
    assert [listed.repository for listed in config.repositories] == ["org/database-0", "org/database-1", "org/audit"]
    assert config.settings.jobs["gather"] == {"grace-period": 300, "max-writes": 1000}
    assert not list(SCHEMA.iter_errors(yaml.safe_load(example_file)))
    assert "docs/config.schema.json" in example_file.splitlines()[0]
    *_, step = yaml.safe_load(workflow)["steps"]
    assert set(step["with"]) <= {"command", *COMMANDS["maintain"].inputs, "token"}
    assert compose(workflow) is not None


def test_the_docs_explain_every_setting() -> None:
    text = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE) == list(SETTINGS)
