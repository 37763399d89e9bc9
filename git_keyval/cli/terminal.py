"""Writing to standard output and standard error: exact to a pipe, harmless to a terminal."""

import json
import os
import re
import sys
from collections.abc import Mapping
from typing import TextIO

import click
from click.exceptions import NoArgsIsHelpError

from git_keyval.cli.failures import ExitCode, code_of, kind_of
from git_keyval.errors import UndeliveredError

_DUMB = {"", "dumb", "unknown"}
# Control characters except line feed and tab, marks that turn the direction of text around, and halves of characters.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NO_LINE = re.compile(f"[\n\t{_CONTROLS.pattern[1:]}")


def harmless(text: str) -> str:
    """Return text that cannot control a terminal: characters that could are written as escapes, as Python writes them."""
    return _CONTROLS.sub(_escape, text)


def harmless_line(text: str) -> str:
    """Return text that cannot control a terminal, nor look like another line."""
    return _NO_LINE.sub(_escape, text)


def write_value(data: bytes) -> None:
    """Write a value: exactly its bytes; at a terminal, what a person can read, ended by a line feed. Raises UndeliveredError."""
    if not sys.stdout.isatty():
        _write(data)
        return
    shown = harmless(data.decode("utf-8", "backslashreplace"))
    write_text(shown if shown.endswith("\n") else f"{shown}\n")


def write_text(text: str) -> None:
    """Write text as it is. Raises UndeliveredError."""
    _write(text.encode(sys.stdout.encoding, "backslashreplace"))


def write_bytes(data: bytes) -> None:
    """Write bytes as they are. Raises UndeliveredError."""
    _write(data)


def write_document(document: Mapping[str, object]) -> None:
    """Write JSON, in ASCII, which no terminal obeys and every encoding can hold: one line; at a terminal, indented."""
    write_text(f"{json.dumps(document, indent=2 if sys.stdout.isatty() else None)}\n")


def tell(text: str) -> None:
    """Write a line for a person beside the answer, to standard error."""
    click.echo(harmless_line(text), err=True)


def fail(error: Exception, *, as_json: bool, coloured: bool) -> ExitCode:
    """Write to standard error why a call ended; return its exit code."""
    usage = ""
    if isinstance(error, click.ClickException):
        from git_keyval.cli.misuse import explained, usage_of

        message, usage = explained(error), usage_of(error)
    else:
        message = str(error)
    if as_json:
        click.echo(json.dumps({"error": {"kind": kind_of(error), "message": message}}), err=True)
    elif isinstance(error, NoArgsIsHelpError):
        error.show()
    else:
        text = harmless_line(message)  # it may repeat arguments, which a script may have from others
        click.echo(click.style(text, fg="red") if coloured else text, err=True, color=coloured)
        click.echo(harmless(usage), err=True, nl=bool(usage))
    return code_of(error)


def obeys_escapes(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Return whether a stream is a terminal that knows more than lines of text."""
    return stream is not None and stream.isatty() and environ.get("TERM", "") not in _DUMB


def takes_colour(stream: TextIO | None, environ: Mapping[str, str], *, refused: bool) -> bool:
    """Return whether a stream is a terminal that may be given colours: https://no-color.org."""
    return obeys_escapes(stream, environ) and not (refused or environ.get("NO_COLOR"))


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _write(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except OSError as exc:
        # What is still buffered would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(exc, BrokenPipeError):
            raise
        raise UndeliveredError("standard output", str(exc.strerror)) from exc
