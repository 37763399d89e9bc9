"""A conversation with a process, through its standard input, output and error.

One loop serves all three pipes: it waits for none of them while another one fills, and never without a limit.
"""

import os
import select
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple, Self

from git_keyval.errors import StoreError
from git_keyval.store.git.conversation import BrokenConversationError, Conversation, Deadline
from git_keyval.store.git.packets import PacketReader
from git_keyval.store.git.words import Words

_BLOCK = 64 * 1024
_MAX_EARLY = 64 * 1024 * 1024
"""How much a server may answer while it is still sent the request. Git says little before it has read all of it."""

_LAST_READS, _LAST_WORDS_SECONDS = 8, 1.0
"""How often, and for how long each time, a process that has closed its output is asked for more complaints."""
_END_SECONDS = 5.0
"""How long a process may take to end after a signal: git removes its lock files first."""


class HungUpError(BrokenConversationError):
    """The process has closed its standard output."""


class Ended(NamedTuple):
    """How a process ended, and all that it said. A negative ``code`` is the signal that ended it."""

    code: int
    output: bytes
    complaints: str


class Child:
    """A process that was started with three pipes; a context manager that ends it."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: Deadline) -> None:
        """Take over the process."""
        self._process = process
        self._deadline = deadline
        self._pipes = _Pipes(process, deadline)

    def write(self, body: Iterable[bytes]) -> None:
        """Write in blocks, so that git works on the first ones meanwhile. A process that has hung up may have said why."""
        with suppress(BrokenPipeError):
            for block in _blocks(body):
                self._pipes.write(block)

    def read(self, size: int) -> bytes:
        """Read at most so many bytes of the output, at least one. Raises HungUpError at its end, and BrokenConversationError."""
        return self._pipes.read(size)

    def complaints(self) -> str:
        """Return what came on standard error."""
        return self._pipes.complaints.text()

    def run(self, body: Iterable[bytes] = ()) -> Ended:
        """Write all of the input and read all of the output; return how the process ended. Raises BrokenConversationError."""
        self.write(body)
        self._pipes.end_input()
        output = bytearray()
        with suppress(HungUpError):
            while True:
                output += self.read(_BLOCK)
        if not self._has_ended(self._deadline.left):
            raise BrokenConversationError("git took too long")
        return Ended(self._process.returncode, bytes(output), self.complaints())

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End the process: at once after a failure, and at the deadline at the latest."""
        self._pipes.close()
        if exc[0] is None and self._has_ended(self._deadline.left):
            return
        self._process.terminate()
        if not self._has_ended(_END_SECONDS):
            self._process.kill()
            self._has_ended(_END_SECONDS)

    def _has_ended(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


class PipeConversation(Child, Conversation):
    """A conversation with a process, its service."""

    def __init__(self, process: subprocess.Popen[bytes], explain: Callable[[str], StoreError], deadline: Deadline) -> None:
        """Take over the process; if it does not answer at all, ``explain`` makes an error from its complaints."""
        super().__init__(process, deadline)
        self._explain = explain
        self._answers = PacketReader(self.read)

    def advertisement(self) -> PacketReader:
        """Return the stream, once the server is known to answer at all."""
        try:
            self._answers.peek()
        except HungUpError as exc:
            raise self._explain(self.complaints()) from exc
        return self._answers

    def request(self, body: Iterable[bytes]) -> PacketReader:
        """Write the request; the answer comes on the same stream."""
        self.write(body)
        return self._answers


class _Pipes:
    """The pipes of a process, none of which fills unread."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: Deadline) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._files = (process.stdin, process.stdout, process.stderr)
        self._input, self._output, self._errors = (file.fileno() for file in self._files)
        self._deadline = deadline
        self._early = bytearray()
        self._open_outputs = {self._output, self._errors}
        self.complaints = Words()
        for number in (self._input, self._output, self._errors):
            os.set_blocking(number, False)

    def read(self, size: int) -> bytes:
        """Read at most so many bytes of the answer, at least one. Raises BrokenConversationError."""
        while not self._early:
            if self._output not in self._open_outputs:
                self._read_last_words()
                raise HungUpError(self.complaints.text() or "it hung up")
            self._serve(min(size, _BLOCK))
        data = bytes(self._early[:size])
        del self._early[:size]
        return data

    def write(self, block: bytes) -> None:
        """Write all of the block. Raises BrokenPipeError if nobody reads it, BrokenConversationError at the deadline."""
        rest = memoryview(block)
        while rest:
            try:
                written = os.write(self._input, rest)
            except BlockingIOError:
                self._serve(_BLOCK, self._input)
                continue
            self._deadline.sent(written)
            rest = rest[written:]

    def end_input(self) -> None:
        with suppress(OSError):
            self._files[0].close()

    def close(self) -> None:
        for file in self._files:
            with suppress(OSError):
                file.close()

    def _serve(self, size: int, *writing: int) -> None:
        """Wait until something happens, and take what has come."""
        ready = self._wait(self._deadline.check(), *writing)
        if self._errors in ready and (complaint := self._take(self._errors, _BLOCK)):
            self.complaints.add(complaint)
        if self._output in ready and (answer := self._take(self._output, size)):
            self._deadline.received(len(answer))
            self._early += answer
            if len(self._early) > _MAX_EARLY:
                raise BrokenConversationError("it answers without end, before it has read the request")

    def _wait(self, seconds: float, *writing: int) -> frozenset[int]:
        poll = select.poll()
        for number in self._open_outputs:
            poll.register(number, select.POLLIN)
        for number in writing:
            poll.register(number, select.POLLOUT)
        return frozenset(number for number, _ in poll.poll(seconds * 1000))

    def _take(self, number: int, size: int) -> bytes:
        try:
            data = os.read(number, size)
        except BlockingIOError:
            return b""
        if not data:
            self._open_outputs.remove(number)
        return data

    def _read_last_words(self) -> None:
        """Read the last complaints, which say why the process has ended. Its children may keep the pipe open."""
        for _ in range(_LAST_READS):
            if self._errors not in self._open_outputs or not self._wait(min(self._deadline.left, _LAST_WORDS_SECONDS)):
                return
            self.complaints.add(self._take(self._errors, _BLOCK))


def _blocks(body: Iterable[bytes]) -> Iterator[bytes]:
    """Join pieces, most of which are short lines, to blocks that are worth a system call."""
    waiting = bytearray()
    for piece in body:
        waiting += piece
        if len(waiting) >= _BLOCK:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
