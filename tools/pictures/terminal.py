"""A picture of the terminal: commands that a real shell runs there, with what they answer."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.servers.binary import isolated_environ

_WIDTH, _HEIGHT = 88, 40
_LINES = (
    "export GIT_KEYVAL_REPOSITORY=./db.git",
    """git-keyval set flags '{"beta": true}' --type json --store-key""",
    "git-keyval get flags",
    "git-keyval incr builds --store-key",
    "for job in 1 2 3 4; do echo $(git-keyval incr builds) & done | sort | xargs  # at once",
    "git-keyval set deploy 3f2a1c9 --expires-at 2099-12-31T12:00:00Z --store-key >log.txt",
    "git-keyval set deploy 77e01d2 --if absent  # somebody was here before",
    "git-keyval ls --long",
)
_FONT_FACE = re.compile(r"\s*@font-face \{.*?\}\n", re.DOTALL)


def terminal_svg(folder: Path) -> str:
    """Run the commands on a database in a folder, and return the picture. It has no date, and loads no font."""
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder / "db.git")], check=True)
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    for number in range(len(_LINES)):
        console.print(Text.assemble(("$ ", "bold green"), (_LINES[number], "bold")))
        console.print(Text.from_ansi(_answer(folder, number)), end="")
    drawn = console.export_svg(title="git-keyval", unique_id="terminal")
    return "\n".join(line.rstrip() for line in _FONT_FACE.sub("\n", drawn).splitlines()) + "\n"


def _answer(folder: Path, number: int) -> str:
    """Run one line as it is at a terminal, after what the first one sets, and return what it shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _HEIGHT, _WIDTH, 0, 0))
    environ = isolated_environ({"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TERM": "xterm-256color"})
    script = "\n".join(dict.fromkeys([_LINES[0], _LINES[number]]))
    with subprocess.Popen(["bash", "-c", script], cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    if process.returncode:
        raise RuntimeError(f"{_LINES[number]} ended with {process.returncode}: {shown.decode()}")
    return shown.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""  # Linux says so where the other end is closed
