"""How people give a command: typed at a terminal, or as the inputs of a step. What a message advises is spelled so."""

from collections.abc import Callable, Mapping

Spelling = Callable[[str, str, Mapping[str, str]], str]
"""From a repository, as people name it, the name of a command and its inputs to what people type or write."""


def as_call(repository: str, command: str, inputs: Mapping[str, str]) -> str:
    """Return the command as it is typed in a shell."""
    from shlex import join  # noqa: PLC0415  # only where something is advised

    options = [part for name, text in inputs.items() for part in ([f"--{name}"] if text == "true" else [f"--{name}", text])]
    return join(["git-keyval", "-r", repository, command, *options])


def as_step(repository: str, command: str, inputs: Mapping[str, str]) -> str:
    """Return the command as the inputs of a step, each in quotes."""
    given = {"command": command, **inputs, "repository": repository}
    return " ".join(f"'{name}: {text}'" for name, text in given.items())
