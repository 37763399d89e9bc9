"""OpenSSH's server with git-shell, as many run it: no variable of the client is accepted."""

import getpass
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.binary import isolated_environ
from tests.servers.site import SAFE, Site, free_port, program, running

_CONFIGURATION = """\
Port {port}
ListenAddress 127.0.0.1
HostKey "{directory}/host"
AuthorizedKeysFile "{directory}/authorized"
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
KexAlgorithms curve25519-sha256
"""
_PRIVILEGE_SEPARATION = Path("/run/sshd")  # root's sshd wants it, and Debian makes it when the service starts


@contextmanager
def sshd(directory: Path) -> Iterator[Site]:
    """Run sshd on an empty directory; whoever runs the tests may log in by the key that the client's command names."""
    command, client = program("sshd"), program("ssh")
    port, configuration = free_port(), directory / "sshd.conf"
    for name in ("host", "user"):
        _make_key(directory / name)
    variables = shlex.join(["env", *(f"{name}={value}" for name, value in SAFE.items())])
    forced = f'{variables} git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"'
    (directory / "authorized").write_text(f'command="{forced}" {(directory / "user.pub").read_text()}')
    configuration.write_text(_CONFIGURATION.format(port=port, directory=directory))
    if os.geteuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    options = {"StrictHostKeyChecking": "no", "UserKnownHostsFile": os.devnull, "IdentitiesOnly": "yes", "LogLevel": "ERROR"}
    words = [client, "-F", os.devnull, "-i", str(directory / "user")]
    words += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    with running([command, "-D", "-e", "-f", configuration], directory / "sshd.log", port):
        yield Site(
            directory,
            lambda repository: f"ssh://{getpass.getuser()}@127.0.0.1:{port}{repository}",
            {"GIT_SSH_COMMAND": shlex.join(words)},
        )


def _make_key(path: Path) -> None:
    command = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True, env=isolated_environ(), stdin=subprocess.DEVNULL, timeout=60)
