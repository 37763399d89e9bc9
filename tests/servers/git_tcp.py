"""A stand-in for ssh that speaks git's own TCP protocol, ``git://``, to a daemon at the host and port that it is told.

https://git-scm.com/docs/pack-protocol, "Git Transport". Run as a program it is that ssh; it uses the standard library only.
"""

import os
import shlex
import socket
import sys
import threading

_CHUNK = 65_536


def main(arguments: list[str]) -> int:
    """Be ssh: ask the daemon for the service that the command names, then pass on what both sides say."""
    *options, host, command = arguments
    service, path = shlex.split(command)
    port = options[options.index("-p") + 1]
    version = next((word.partition("GIT_PROTOCOL=")[2] for word in options if "GIT_PROTOCOL=" in word), "")
    asked = f"{service} {path}\0host={host}:{port}\0" + (f"\0{version}\0" if version else "")
    with socket.create_connection((host, int(port))) as daemon:
        daemon.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        daemon.sendall(f"{len(asked) + 4:04x}{asked}".encode())
        threading.Thread(target=_send, args=(daemon,), daemon=True).start()
        while answer := daemon.recv(_CHUNK):
            os.write(sys.stdout.fileno(), answer)
    return 0


def _send(daemon: socket.socket) -> None:
    while told := os.read(sys.stdin.fileno(), _CHUNK):
        daemon.sendall(told)
    daemon.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the thread may still wait for what is never said
