"""Reading packs: those that git makes, and those that no server should send."""

import hashlib
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryFile

import pytest

from git_keyval.format.objects import GitObject, blob, commit, from_content
from git_keyval.store.git.pack_writer import write_pack
from git_keyval.store.git.packs import MalformedPackError, PackReader, read_pack
from git_keyval.store.git.sizes import LARGEST
from tests.contract.mutations import mutated
from tests.contract.samples import by_oid, note
from tests.servers.binary import init_bare, run_git

OBJECTS = (blob(b"a"), blob(b""), *note("one").objects, blob(bytes(range(256)) * 40))
WHOLE = b"".join(write_pack(OBJECTS))


@contextmanager
def reading(pack: bytes) -> Iterator[PackReader]:
    with TemporaryFile() as file:
        file.write(pack)
        yield read_pack(file)


def read(pack: bytes) -> list[GitObject]:
    with reading(pack) as reader:
        return list(reader)


def sealed(body: bytes) -> bytes:
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def entry(kind: int, size: int, data: bytes, base: bytes = b"") -> bytes:
    """Write an object as a pack has it, with the size that it shall say it has."""
    head, size = [kind << 4 | size & 15], size >> 4
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    return bytes(head) + base + zlib.compress(data)


def pack(*entries: bytes, count: int | None = None, version: int = 2) -> bytes:
    head = b"PACK" + version.to_bytes(4, "big") + (len(entries) if count is None else count).to_bytes(4, "big")
    return sealed(head + b"".join(entries))


COMMIT, BLOB, OFFSET_DELTA, OID_DELTA = 1, 3, 6, 7
A = bytes.fromhex(blob(b"a").oid)


@pytest.mark.parametrize("options", [["--delta-base-offset"], []], ids=["by offset", "by oid"])
def test_deltas_of_git_are_resolved(tmp_path: Path, options: list[str]) -> None:
    repository, random = init_bare(tmp_path / "a.git"), Random(1)
    texts = [random.randbytes(3_000) for _ in range(3)]
    objects = by_oid(blob(text[:at] + b"changed" + text[at + 7 :]) for text in texts for at in range(0, 2_900, 100))
    run_git("unpack-objects", "-q", directory=repository, stdin=b"".join(write_pack(objects.values())))
    asked = "".join(f"{oid}\n" for oid in objects).encode()
    made = run_git(
        "pack-objects", "--stdout", "-q", "--window=100", "--depth=20", *options, directory=repository, stdin=asked
    ).stdout
    assert len(made) < 3_000 * 30
    assert by_oid(read(made)) == objects


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "cut off": WHOLE[:-30],
    "the beginning of one": WHOLE[:20],
    "no pack": b"x" * len(WHOLE),
    "another version": pack(version=9),
    "another checksum": WHOLE[:-1] + bytes([WHOLE[-1] ^ 1]),
    "fewer objects than it says": pack(entry(BLOB, 1, b"a"), count=2),
    "more than it says": pack(entry(BLOB, 1, b"a"), count=0),
    "an unknown type": pack(entry(5, 1, b"a")),
    "a type of nothing": pack(entry(0, 1, b"a")),
    "a larger object than it says": pack(entry(BLOB, 1, b"ab")),
    "a smaller object than it says": pack(entry(BLOB, 3, b"ab")),
    "bad zlib": pack(bytes([BLOB << 4 | 1]) + b"no zlib at all"),
    "cut zlib": pack(entry(BLOB, 1, b"a")[:-5]),
    "a delta against what is not there, by oid": pack(entry(OID_DELTA, 3, b"\1\1\1", b"\7" * 20)),
    "a delta against what is not there, by offset": pack(entry(BLOB, 1, b"a"), entry(OFFSET_DELTA, 3, b"\1\1\1", b"\3")),
    "a delta against itself": pack(entry(OFFSET_DELTA, 3, b"\1\1\1", b"\0")),
    "a delta for another base": pack(entry(BLOB, 1, b"a"), entry(OID_DELTA, 4, b"\2\1\1x", A)),
    "a delta with a command that is none": pack(entry(BLOB, 1, b"a"), entry(OID_DELTA, 3, b"\1\1\0", A)),
    "a delta without sizes": pack(entry(BLOB, 1, b"a"), entry(OID_DELTA, 1, b"\x81", A)),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_pack_is_told_so(sent: bytes) -> None:
    with pytest.raises(MalformedPackError):
        read(sent)


def test_whatever_is_changed_of_a_pack_nothing_else_is_raised_and_no_object_is_another() -> None:
    """The checksum is made right, or only it would be tried."""
    random, body = Random(11), WHOLE[:-20]
    delta = pack(entry(BLOB, 5, b"hello"), entry(OID_DELTA, 7, b"\5\7\x90\5\2!!", bytes.fromhex(blob(b"hello").oid)))[:-20]
    assert blob(b"hello!!") in read(sealed(delta))
    for turn in range(3_000):
        changed = mutated(delta if turn % 2 else body, random)
        try:
            found = read(sealed(changed))
        except MalformedPackError:
            continue
        assert all(from_content(obj.kind, obj.data) == obj for obj in found)


def test_what_is_too_large_is_left_out_and_never_in_memory() -> None:
    """A message of 64 MB takes 64 kB on the wire."""
    huge = commit(note("x").objects[0].oid, b"x" * (64 * LARGEST["commit"]))
    sent = b"".join(write_pack([blob(b"before"), huge, blob(b"after")]))
    tracemalloc.start()
    with reading(sent) as reader:
        assert list(reader) == [blob(b"before"), blob(b"after")]
        assert reader.too_large == 1
    assert tracemalloc.get_traced_memory()[1] < 8 * LARGEST["commit"]
    tracemalloc.stop()


def test_what_a_delta_makes_too_large_is_left_out() -> None:
    """A copy of three bytes can be asked for again and again."""
    base = note("a")
    copies = LARGEST["commit"] // len(base.target.data) + 1
    size = copies * len(base.target.data)
    varint = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
    delta = bytes([len(base.target.data) & 127 | 128, len(base.target.data) >> 7]) + varint
    delta += (b"\x90" + bytes([len(base.target.data)])) * copies
    grown = entry(OID_DELTA, len(delta), delta, bytes.fromhex(base.oid))
    with reading(pack(entry(COMMIT, len(base.target.data), base.target.data), grown)) as reader:
        assert list(reader) == [base.target]
        assert reader.too_large == 1


@pytest.mark.parametrize("kind", LARGEST)
def test_what_is_just_not_too_large_is_read(kind: str) -> None:
    limit = LARGEST[kind]  # type: ignore[index]
    data = b"\0" * (min(2**23, limit))
    with reading(b"".join(write_pack([from_content(kind, data)]))) as reader:  # type: ignore[arg-type]
        assert [len(obj.data) for obj in reader] == [len(data)]
        assert reader.too_large == 0
