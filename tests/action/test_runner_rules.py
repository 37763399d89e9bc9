"""The stand-in for the runner's parsers, against what the runner is known to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.action.runner_rules import FileCommandError, LogCommand, command_of, escaped, log_commands, read_outputs


@pytest.mark.parametrize(
    ("data", "outputs"),
    [
        (b"", {}),
        (b"a=1\n", {"a": "1"}),
        (b"a=1", {"a": "1"}),
        (b"a=\n", {"a": ""}),
        (b"a=b=c\n\n\nd=e<<f\n", {"a": "b=c", "d": "e<<f"}),
        (b"a<<EOF\none\ntwo\nEOF\nb=2\n", {"a": "one\ntwo", "b": "2"}),
        (b"a<<EOF\nEOF\n", {"a": ""}),
        (b"a<<EOF\n\nEOF\n", {"a": ""}),
        (b"a<<EOF\n\n\nEOF\n", {"a": "\n"}),
        (b"a<<EOF\nEOF ends here\n EOF\nEOF\n", {"a": "EOF ends here\n EOF"}),
        (b"a<<EOF\n1\nEOF", {"a": "1"}),
        (b"a<<E=F\n1\nE=F\n", {"a": "1"}),
        (b"a<<EOF\nb=2\nc<<X\nEOF\n", {"a": "b=2\nc<<X"}),
        (b"a<<EOF\none\r\ntwo\rthree\r\nEOF\n", {"a": "one\r\ntwo\rthree\r"}),
        (b"a=1\na=2\n", {"a": "2"}),
        (b"\xef\xbb\xbfa=\xff\n", {"a": "\ufffd"}),
        ("a=1\u2028b=2\x0bc=3\x85\n".encode(), {"a": "1\u2028b=2\x0bc=3\x85"}),
    ],
)
def test_output_files_are_read_as_the_runner_does(data: bytes, outputs: dict[str, str]) -> None:
    assert read_outputs(data) == outputs


@pytest.mark.parametrize(
    "data", [b"a\n", b"=1\n", b"<<EOF\n1\nEOF\n", b"a<<\n1\n\n", b"a<<EOF\n1\n", b"a<<EOF\n1\nEOF\r\n", b"a<<EOF\n1\nEO"]
)
def test_a_malformed_output_file_fails_the_step(data: bytes) -> None:
    with pytest.raises(FileCommandError):
        read_outputs(data)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("::error::it failed", LogCommand("error", "it failed")),
        (" \t\u00a0::error::it failed", LogCommand("error", "it failed")),
        ("::error file=a%2Cb,line=1::one%0Atwo%250A", LogCommand("error", "one\ntwo%0A", {"file": "a,b", "line": "1"})),
        ("::set-output name=a::b::c", LogCommand("set-output", "b::c", {"name": "a"})),
        ("::add-mask::", LogCommand("add-mask", "")),
        ("::Error::x", LogCommand("error", "x")),
        ("::SET-OUTPUT NAME=a::b", LogCommand("set-output", "b", {"name": "a"})),
        ("said: ##[Set-Output Name=a]b", LogCommand("set-output", "b", {"name": "a"})),
        ("said: ##[set-output name=a;x=%5D]b%3B", LogCommand("set-output", "b;", {"name": "a", "x": "]"})),
        ("::unknown::##[add-mask]x", LogCommand("add-mask", "x")),
        ("::add-mask::##[set-output name=a]b", LogCommand("add-mask", "##[set-output name=a]b")),
    ],
)
def test_commands_are_found_where_the_runner_finds_them(line: str, command: LogCommand) -> None:
    assert command_of(line) == command


@pytest.mark.parametrize(
    "line",
    [
        "",
        "plain",
        "said ::error::x",
        "::error",
        "::error:x",
        "::unknown::x",
        "## [error]x",
        "##[error",
        "##[nothing]x",
    ],
)
def test_other_lines_are_no_commands(line: str) -> None:
    assert command_of(line) is None


def test_every_line_end_begins_a_line_that_may_be_a_command() -> None:
    assert [command.data for command in log_commands("::error::1\r::error::2\n::error::3\r\n::error::4\u2028::error::5")] == [
        "1",
        "2",
        "3",
        "4\u2028::error::5",
    ]


@given(st.text())
def test_escaped_data_arrives_as_it_was(text: str) -> None:
    assert log_commands(f"::notice::{escaped(text)}\n") == [LogCommand("notice", text)]
