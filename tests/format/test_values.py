"""Typed values and canonical JSON: what holds for every value."""

import hashlib
import json
import mimetypes
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from git_keyval.errors import MalformedRecordError
from git_keyval.format import canonical
from git_keyval.format.canonical import JsonError, JsonValue
from git_keyval.format.media_types import EXTENSIONS, MEDIA_TYPES
from git_keyval.format.objects import GitObject, Oid, read_tree
from git_keyval.format.records import decode_data, encode_data
from git_keyval.format.values import (
    Value,
    ValueType,
    as_integer,
    as_json,
    as_text,
    bytes_value,
    check_value,
    file_value,
    from_json,
    parse_value,
)
from tests.format.strategies import FLOATS, JSON_VALUES, SAFE, TEXTS, VALUES


def read_back(value: Value) -> Value:
    record = encode_data(value)
    found = decode_data(record.commit, by_oid(record.objects))
    assert isinstance(found, Value)
    return found


def by_oid(objects: tuple[GitObject, ...]) -> dict[Oid, GitObject]:
    return {made.oid: made for made in objects}


def exact(number: str) -> int:
    """Return the integer that a Number's text shows, digit for digit."""
    mantissa, _, exponent = number.partition("e+")
    whole, _, fraction = mantissa.partition(".")
    return int(whole + fraction) * int(10 ** (int(exponent or 0) - len(fraction)))


@given(VALUES)
def test_every_value_reads_back_as_it_was_written(value: Value) -> None:
    """Whatever is accepted can be read again, with its type and media type."""
    assert read_back(value) == value


@given(VALUES)
def test_a_record_names_its_blobs(value: Value) -> None:
    """A reader finds in the tree which blobs it has to ask for."""
    record = encode_data(value)
    blobs = {made.oid for made in record.objects if made.kind == "blob"}
    assert set(read_tree(record.objects[-2]).values()) == blobs


@given(VALUES, VALUES)
def test_two_values_never_share_a_commit(one: Value, other: Value) -> None:
    """Type, media type and bytes are all part of a key id."""
    assert (encode_data(one).key_id == encode_data(other).key_id) is (one == other)


def test_the_same_bytes_of_another_type_are_another_key() -> None:
    """The String 42 and the Number 42 are different keys."""
    of_42 = [parse_value(kind, "42") for kind in ("String", "Number", "JSON")] + [bytes_value(b"42"), file_value(b"42")]
    assert len({encode_data(value).key_id for value in of_42}) == len(of_42)


@given(JSON_VALUES)
def test_every_json_value_keeps_its_meaning(value: JsonValue) -> None:
    """JSON in, the same JSON out."""
    assert as_json(from_json(value)) == value


@given(JSON_VALUES)
def test_the_canonical_form_is_a_fixed_point(value: JsonValue) -> None:
    """Reading what was written and writing it again changes no byte."""
    encoded = canonical.encode(value)
    assert canonical.encode(canonical.decode(encoded)) == encoded
    assert canonical.decode_canonical(encoded) == value


@given(JSON_VALUES, st.none() | st.integers(0, 4), st.booleans())
def test_the_spelling_of_json_does_not_matter(value: JsonValue, indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001  # drawn
    """White space and escapes of what was typed are not stored."""
    typed = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert parse_value("JSON", typed).data == canonical.encode(canonical.decode(typed))
    assert canonical.decode(typed) == value


@given(st.integers() | st.integers(10**15, 10**24) | st.integers(54, 80).map(lambda power: 2**power))
@example(2**53)
@example(2**53 + 1)
@example(2**60)
@example(10**23)
@example(1152921504606847000)
def test_an_integer_is_stored_digit_for_digit_or_refused(number: int) -> None:
    """No integer turns into another one on its way into the database, or from there into a counter."""
    try:
        value = parse_value("Number", str(number))
    except ValueError:
        assert abs(number) > SAFE
        return
    assert exact(as_text(value)) == number
    assert as_integer(value) == number
    assert read_back(value) == value


@given(st.integers(-SAFE, SAFE))
def test_every_integer_up_to_53_bits_is_accepted(number: int) -> None:
    """These are the integers that every JSON reader agrees on."""
    assert as_text(parse_value("Number", str(number))) == str(number)


@given(FLOATS)
def test_only_a_number_without_a_fraction_is_an_integer(number: float) -> None:
    """Only such a Number becomes a counter."""
    assert (as_integer(from_json(number)) is None) is not number.is_integer()


def test_values_of_other_types_are_no_integers() -> None:
    """A String of digits stays a String."""
    for value in (parse_value("String", "42"), parse_value("Boolean", "true"), parse_value("JSON", "42")):
        assert as_integer(value) is None


@given(TEXTS)
def test_a_string_is_kept_to_the_last_character(text: str) -> None:
    """Nothing is trimmed or normalised."""
    value = parse_value("String", text)
    assert (value.data, as_text(value)) == (text.encode(), text)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"], ids=ascii)
def test_a_lone_surrogate_is_refused(text: str) -> None:
    """What has no UTF-8 form is no text."""
    with pytest.raises(ValueError):  # noqa: PT011  # whatever the reason says
        parse_value("String", text)
    values: list[JsonValue] = [text, [text], {text: 1}]
    for value in values:
        with pytest.raises(JsonError):
            from_json(value)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), 2**53, -(2**53)])
def test_a_number_that_json_cannot_hold_is_refused(number: float) -> None:
    """Values from a program obey the same limits as typed ones."""
    with pytest.raises(JsonError):
        from_json(number)


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("levels", [1_200, 2_000, 20_000, 200_000])
def test_json_that_is_nested_too_deeply_is_refused_and_no_more(levels: int) -> None:
    """Depth is an error of the value, never a failure of the program."""
    with pytest.raises(ValueError, match="nested"):
        parse_value("JSON", nested(levels))
    with pytest.raises(MalformedRecordError):
        read_back(Value("JSON", nested(levels).encode(), "application/json", "json"))


def test_a_program_s_value_that_is_nested_too_deeply_is_refused() -> None:
    """Values from a program obey the same limits as typed ones."""
    value: JsonValue = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(JsonError):
        canonical.encode(value)


@pytest.mark.parametrize("number", ["1e-99999999999999999999", "0e99999999999999999999", "-1E-9999999999999999999999"])
def test_a_number_with_an_exponent_beyond_all_bounds_is_a_number_or_refused(number: str) -> None:
    """Nothing but a ValueError comes of a text, however odd."""
    try:
        value = parse_value("Number", number)
    except ValueError:
        return
    assert value.data == b"0"


@pytest.mark.parametrize("file_name", ["data:a/../b\n,x", "data:image/png,x", "http://x/y.png/", "x\n.png\n", "", "."])
def test_a_file_name_gives_no_media_type_that_could_not_be_given_itself(file_name: str) -> None:
    """A file name is a name, not a URL that brings its own media type."""
    guessed = file_value(b"", file_name=file_name)
    assert file_value(b"", media_type=guessed.mime) == guessed
    if file_name.startswith("data:"):
        assert guessed.mime == "application/octet-stream"


@pytest.mark.parametrize(
    ("file_name", "mime", "extension"),
    [
        ("photo.png", "image/png", "png"),
        ("PHOTO.PNG", "image/png", "png"),
        ("page.html", "text/html", "html"),
        ("notes.txt", "text/plain", "txt"),
        ("state.json", "application/json", "json"),
        ("backup.tar.gz", "application/octet-stream", "bin"),
        ("no-extension", "application/octet-stream", "bin"),
        ("odd.unheard-of", "application/octet-stream", "bin"),
    ],
)
def test_a_media_type_is_guessed_from_the_file_name(file_name: str, mime: str, extension: str) -> None:
    """Without a media type the name decides; what is compressed or unknown is plain bytes."""
    value = file_value(b"x", file_name=file_name)
    assert (value.mime, value.extension) == (mime, extension)


@pytest.mark.parametrize(
    ("extension", "mime", "usual"),
    [
        ("js", "application/javascript", "js"),
        ("mjs", "application/javascript", "js"),
        ("jpeg", "image/jpeg", "jpg"),
        ("htm", "text/html", "html"),
        ("xml", "text/xml", "xml"),
        ("ico", "image/vnd.microsoft.icon", "ico"),
        ("py", "text/x-python", "py"),
        ("webp", "application/octet-stream", "bin"),
        ("md", "application/octet-stream", "bin"),
    ],
)
def test_the_table_of_media_types_is_the_same_for_every_writer(extension: str, mime: str, usual: str) -> None:
    """Some of these differ between versions of Python; here they never change, or the same file would get another key id."""
    value = file_value(b"x", file_name=f"a.{extension}")
    assert (value.mime, value.extension) == (mime, usual)


def test_the_table_of_media_types_is_frozen() -> None:
    """All of it: one entry more or less makes another record of the same file."""
    assert hashlib.sha256(canonical.encode({mime: list(known) for mime, known in EXTENSIONS.items()})).hexdigest() == (
        "83edbe022a0627ebef48d734649011216f29359af46a6b4d0ce8174f4da38649"
    )
    assert sum(map(len, EXTENSIONS.values())) == len(MEDIA_TYPES)
    for mime, extensions in EXTENSIONS.items():
        for extension in extensions:
            check_value(Value("Blob", b"", mime, extension))


def test_neither_python_nor_the_machine_has_a_say_in_media_types(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What another version of Python or a file of the system knows does not count."""
    (tmp_path / "mime.types").write_text("image/of-the-machine png unheard\n")
    monkeypatch.setattr(mimetypes, "knownfiles", [str(tmp_path / "mime.types")])
    monkeypatch.setitem(vars(mimetypes)["_types_map_default"], ".png", "image/of-another-version")
    mimetypes.init()
    try:
        assert file_value(b"x", file_name="a.png").mime == "image/png"
        assert file_value(b"x", file_name="a.unheard").mime == "application/octet-stream"
        assert file_value(b"x", media_type="image/of-the-machine").extension == "bin"
    finally:
        monkeypatch.undo()
        mimetypes.init()


def test_a_media_type_that_is_given_goes_before_the_file_name() -> None:
    """The user knows better than the table."""
    assert file_value(b"x", media_type="text/plain", file_name="photo.png").mime == "text/plain"


@pytest.mark.parametrize("kind", ["Uint8Array", "Blob"])
def test_bytes_are_shown_as_base64(kind: ValueType) -> None:
    """Bytes have no text of their own."""
    value = Value(kind, b"\0\xff\xfe", "application/octet-stream", "bin")
    assert as_text(value) == as_json(value) == "AP/+"
