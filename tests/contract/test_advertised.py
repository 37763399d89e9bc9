"""Some refs of an advertisement of all: they are found as if each line were read, or it is said that one may have been missed."""

import hashlib
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from random import Random

import pytest

from git_keyval.store.git.advertised import UnusualOrderError, lines_of
from git_keyval.store.git.packets import PacketReader, ProtocolError
from git_keyval.store.port import Applied, Conflict
from tests.conftest import FakeClock
from tests.contract.places import open_git_place
from tests.contract.samples import branch, create, delete, note, put
from tests.exhaustive import first
from tests.servers.binary import init_bare, run_git
from tests.servers.http import RECEIVE_PACK, GitHttpServer, service_of
from tests.servers.loopback import Answer, Request

ONE, TWO = note("1"), note("2")
MANY = 6_000
"""More refs than are read one by one, and more bytes than come at once."""


def oid(number: int) -> bytes:
    return hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest().encode()


def refs(random: Random, count: int) -> list[bytes]:
    """Return lines about refs, by name: those of keys, some of people, long ones, and some that are alike."""
    names = {b"refs/heads/kv-%b/val-%b" % (oid(number)[:2], oid(number)[2:]) for number in range(count)}
    names |= {b"refs/heads/" + b"long" * random.randint(1, 200) for _ in range(20)}
    names |= {b"refs/notes/\xff\xfe no text", b"refs/heads/main", b"refs/heads/kv-00/val", b"refs/tags/v1"}
    return [b"%b %b\n" % (oid(random.randint(0, 9)), name) for name in sorted(names)]


def packets(lines: Sequence[bytes]) -> bytes:
    return b"".join(b"%04x%b" % (len(line) + 4, line) for line in lines) + b"0000"


def cut(data: bytes, most: int) -> Callable[[int], bytes]:
    """Return a stream that gives at most so many bytes at once."""
    stream = BytesIO(data)
    return lambda size: stream.read(min(size, most))


def found(data: bytes, names: Sequence[bytes], most: int = 65_536) -> dict[bytes, bytes]:
    """Return which of these refs are found, with their oids."""
    lines = [line.partition(b"\0")[0].rstrip(b"\n") for line in lines_of(PacketReader(cut(data, most)), names)]
    return {line[41:]: line[:40] for line in lines if line[41:] in set(names)}


def expected(data: bytes, names: Sequence[bytes]) -> dict[bytes, bytes]:
    lines = [line.partition(b"\0")[0].rstrip(b"\n") for line in PacketReader(cut(data, len(data))).read_lines()]
    return {line[41:]: line[:40] for line in lines if line[41:] in set(names)}


def with_capabilities(lines: list[bytes]) -> list[bytes]:
    return [lines[0].rstrip(b"\n") + b"\0report-status atomic\n", *lines[1:]]


def with_haves(lines: list[bytes], at: int) -> list[bytes]:
    """Add what is told of alternates, which git does before the refs, and JGit after them."""
    return [*lines[:at], *(oid(number) + b" .have\n" for number in range(3_000)), *lines[at:]]


def shallow(lines: list[bytes]) -> list[bytes]:
    return [*lines, *(b"shallow " + oid(number) + b"\n" for number in range(3_000))]


SHAPES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "as git has it": with_capabilities,
    "with HEAD first": lambda lines: [oid(1) + b" HEAD\n", *lines],
    "haves first": lambda lines: with_haves(lines, 0),
    "haves among them": lambda lines: with_haves(lines, 4_000),
    "haves last": lambda lines: with_haves(lines, len(lines)),
    "shallow": shallow,
    "without line feeds": lambda lines: [line.rstrip(b"\n") for line in lines],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [3, 900, MANY])
@pytest.mark.parametrize("seed", first(1, range(20)))
def test_what_is_there_is_found(shape: str, seed: int, count: int) -> None:
    random = Random(seed)
    lines = refs(random, count)
    data = packets(SHAPES[shape](lines))
    present = [line[41:].rstrip(b"\n") for line in lines]
    absent = [b"refs/heads/kv-00/val-absent", b"refs/a", b"refs/z", present[0][:-1], present[-1] + b"x"]
    for few in (1, 40):
        names = [present[0], present[-1], *random.sample(present, min(few, len(present))), *absent]
        assert found(data, names, random.choice([1_000, 65_536, len(data)])) == expected(data, names), seed


def test_few_lines_are_looked_at() -> None:
    lines = refs(Random(1), MANY)
    looked_at = sum(1 for _ in lines_of(PacketReader(cut(packets(lines), 65_536)), [b"refs/heads/main"]))
    assert looked_at < len(lines) / 4


def shuffled(lines: list[bytes]) -> list[bytes]:
    return Random(1).sample(lines, len(lines))


def backwards(lines: list[bytes]) -> list[bytes]:
    return lines[::-1]


def in_two_lists(lines: list[bytes]) -> list[bytes]:
    """List as a server does that has two kinds of refs, each by name."""
    return [*lines[::2], *lines[1::2]]


def with_one_astray(lines: list[bytes]) -> list[bytes]:
    """List one of the last refs among the first, too, where nobody looks for it."""
    first, second = lines[::2], lines[1::2]
    return [*first[:1_500], *second[-1:], *first[1_500:], *second[:-1]]


@pytest.mark.parametrize("order", [shuffled, backwards, in_two_lists, with_one_astray])
@pytest.mark.parametrize("count", [150, MANY])
def test_where_refs_come_in_another_order_none_is_missed_unseen(order: Callable[[list[bytes]], list[bytes]], count: int) -> None:
    lines = order(refs(Random(1), count))
    names, data = [line[41:].rstrip(b"\n") for line in lines[::50]], packets(lines)
    middle = len(packets(lines[: (len(lines) + 1) // 2]))  # below: so that the second list begins where a piece of the stream ends
    for most in (
        65_536,
        len(data),
        *range(middle // 2, middle // 2 + 120, 15),
    ):
        try:
            assert found(data, names, most) == expected(data, names)
        except UnusualOrderError:
            assert order in {in_two_lists, with_one_astray}
            assert count == MANY


@pytest.mark.parametrize("at", [2_000, 3_001, 5_999])
def test_a_line_that_is_no_line_is_seen_where_a_ref_is_searched_for(at: int) -> None:
    lines = refs(Random(1), MANY)
    data = packets(lines)
    start = data.index(lines[at]) - 4
    with pytest.raises(ProtocolError):
        found(data[:start] + b"0009" + data[start + 4 :], [lines[at][41:].rstrip(b"\n")])


@pytest.mark.parametrize("left_out", [1, 4, 5, 40, 120, 200_000])
def test_an_advertisement_that_breaks_off_is_an_error(left_out: int) -> None:
    lines = refs(Random(1), MANY)
    with pytest.raises(ProtocolError):
        found(packets(lines)[:-left_out], [b"refs/heads/main"])


def test_what_a_server_says_in_the_end_is_heard() -> None:
    lines = [*refs(Random(1), MANY), b"ERR quota exceeded"]
    data = packets(lines).removesuffix(b"0000")
    heard = list[bytes]()
    with pytest.raises(ProtocolError):
        heard.extend(lines_of(PacketReader(cut(data, 65_536)), []))
    assert heard[-1] == lines[-1]


def grow(repository: Path) -> None:
    lines = "".join(f"create refs/heads/kv-{number % 256:02x}/val-{number:038x} {ONE.oid}\n" for number in range(MANY))
    run_git("update-ref", "--stdin", directory=repository, stdin=lines.encode())


class InTwoLists(GitHttpServer):
    """A server that lists every other ref, and then those between them."""

    def _serve(self, request: Request) -> Answer:
        answer = super()._serve(request)
        if request.method == "POST" or service_of(request) != RECEIVE_PACK:
            return answer
        service, _, body = answer.body.partition(b"0000")
        lines = list(PacketReader(BytesIO(body).read).read_lines())
        return Answer(answer.status, service + b"0000" + packets(in_two_lists(lines)), answer.headers)


@pytest.mark.parametrize(("kind", "listings"), [(GitHttpServer, 1), (InTwoLists, 2)], ids=["as git does", "in another order"])
def test_a_push_to_many_refs_sees_what_is_there(tmp_path: Path, clock: FakeClock, kind: type[GitHttpServer], listings: int) -> None:
    repository = init_bare(tmp_path / "database.git")
    open_git_place(repository, str(repository), clock, {}).open().apply([create(branch("a"), ONE), create(branch("b"), TWO)])
    grow(repository)
    with kind(tmp_path) as server:
        store = open_git_place(repository, f"{server.url}/database.git", clock, {}).open()
        assert list(store.apply([put(branch("a"), TWO, ONE.oid), delete(branch("b"), TWO.oid)])) == [Applied()] * 2
        assert list(store.apply([create(branch("a"), ONE), create(branch("b"), ONE)])) == [Conflict((branch("a"),)), Applied()]
        assert server.count(method="GET", service=RECEIVE_PACK) == listings + 1
