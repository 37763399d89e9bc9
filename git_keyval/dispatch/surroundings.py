"""Everything of the outside world that a command may use, handed in by the composition roots."""

from collections.abc import Callable, Mapping
from typing import BinaryIO

from git_keyval.dispatch.files import OutputFile
from git_keyval.dispatch.location import GithubServer
from git_keyval.format.times import Micros
from git_keyval.interface.spelling import Spelling, as_call
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.progress import Progress


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``random`` returns numbers from 0 to 1, ``new_op`` a fresh operation id, ``elapsed`` the seconds since the start.

    ``new_nonce`` returns 12 bytes, never the same again, with which a value is encrypted.
    ``owner`` returns the name of this process as the owner of locks, among all processes that there are or will be.
    ``warn`` takes a sentence for people on what is worth knowing beside the answer.
    ``read_file`` reads a file that an input names, of at most so many bytes; it raises OSError, and ValueError if it is larger.
    ``copy_file`` returns the content of a file that an input names as a file that nobody else changes; it raises OSError.
    ``output_file`` returns the file that an input names to be written; it raises InputError.
    ``spelling`` says how people give a command: what is advised is spelled so.
    ``read_event`` reads the runner's description of the event that began the run; it raises as ``read_file`` does, and KeyError.
    """

    environ: Mapping[str, str] = field(repr=False)  # it holds tokens
    clock: Callable[[], Micros]
    elapsed: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]
    new_op: Callable[[], str]
    new_nonce: Callable[[], bytes]
    owner: Callable[[], str]
    progress: Progress
    warn: Callable[[str], None]
    read_file: Callable[[str, int], bytes]
    copy_file: Callable[[str], BinaryIO]
    output_file: Callable[[str], OutputFile]
    read_event: Callable[[int], bytes]
    spelling: Spelling = as_call

    @property
    def server(self) -> GithubServer:
        """The GitHub server of the run."""
        return GithubServer.of(self.environ)
