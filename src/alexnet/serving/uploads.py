"""From the body of a request to the pictures in it: raw bytes, or a form with `images` (RFC 7578)."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from alexnet.serving.limits import Limits, Refused

FIELDS = (b"images", b"image")
RAW = "application/octet-stream"


@dataclass(frozen=True)
class Upload:
    """One picture as it came: the client's name for it, and its bytes."""

    name: str
    content: bytes


def uploads(content_type: str | None, body: bytes, limits: Limits) -> list[Upload]:
    """The pictures of a body, in order; `Refused` where there are none or too many, or it is no form."""
    kind, options = parse_options_header(content_type or RAW)
    if kind == b"multipart/form-data":
        found = _parts(options.get(b"boundary", b""), body, limits)
    elif kind == RAW.encode() or kind.startswith(b"image/"):
        found = [Upload("picture", body)] if body else []
    else:
        raise Refused(415, f"send a form (multipart/form-data) with `images`, or one picture as {RAW}")
    if not found:
        raise Refused(
            422, "no picture in the request: send a form with `images`, or the bytes of one picture"
        )
    return found


@dataclass
class _Reading:
    """What the parser has told so far."""

    limits: Limits
    found: list[Upload] = field(default_factory=list)
    name: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    disposition: bytes = b""
    content: bytearray = field(default_factory=bytearray)
    ended: bool = False

    def part_begins(self) -> None:
        if len(self.found) == self.limits.request_pictures:
            raise Refused(413, f"more than {self.limits.request_pictures} pictures in a request")
        self.disposition, self.content = b"", bytearray()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self.name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_ends(self) -> None:
        if bytes(self.name).lower() == b"content-disposition":
            self.disposition = bytes(self.value)
        self.name, self.value = bytearray(), bytearray()

    def data(self, data: bytes, start: int, end: int) -> None:
        self.content += memoryview(data)[start:end]

    def part_ends(self) -> None:
        _, options = parse_options_header(self.disposition)
        if options.get(b"name") not in FIELDS:
            raise Refused(422, "a part of the form is not named `images`")
        named = options.get(b"filename", b"").decode("utf-8", "replace")
        self.found.append(Upload(_shown(named, len(self.found)), bytes(self.content)))

    def ends(self) -> None:
        self.ended = True


def _parts(boundary: bytes, body: bytes, limits: Limits) -> list[Upload]:
    reading = _Reading(limits)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": reading.part_begins,
                "on_part_data": reading.data,
                "on_part_end": reading.part_ends,
                "on_header_field": reading.header_field,
                "on_header_value": reading.header_value,
                "on_header_end": reading.header_ends,
                "on_end": reading.ends,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise Refused(400, "the form is damaged: it does not follow multipart/form-data") from None
    if not reading.ended:
        raise Refused(400, "the form is cut short")
    return reading.found


def _shown(name: str, number: int) -> str:
    """A client's file name as it may be repeated: without folders, unprintable letters, or too many of them.

    >>> _shown("C:\\\\shots\\\\cat.png", 0), _shown("", 1), _shown("a/\\x07b.jpg", 0)
    ('cat.png', 'picture 2', 'b.jpg')
    """
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(letter for letter in last if letter.isprintable())[:100] or f"picture {number + 1}"
