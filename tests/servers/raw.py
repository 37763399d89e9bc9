"""A server that answers every connection with the same bytes, whatever it is asked."""

import socket
import threading
from typing import Self


class RawServer:
    """Listens on loopback while the context is open."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                try:
                    self._read(connection)
                    self._send(connection, self._answer)
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    continue

    def _send(self, connection: socket.socket, answer: bytes) -> None:
        connection.sendall(answer)

    @staticmethod
    def _read(connection: socket.socket) -> None:
        """Read the request, so that closing the connection does not reset it: who resets, takes the answer back."""
        data = b""
        while b"\r\n\r\n" not in data and (more := connection.recv(65_536)):
            data += more
