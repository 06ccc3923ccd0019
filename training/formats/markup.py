"""XML from strangers, element by element: no document type, so no entities; bounded in depth, in number and in length."""

from collections.abc import Collection, Iterator
from typing import BinaryIO
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from msgspec import Struct

from training.formats.base import Wrong

MAX_DEPTH = 40
MAX_PARTS = 200_000
"""Elements within one element that is handed out."""
MAX_TEXT = 16 * 1024 * 1024
CHUNK = 64 * 1024


class Element(Struct, gc=False):
    """An element: its tag, attributes, own text, elements within, and the line it begins in."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list["Element"] = []

    def said(self, *path: str) -> str:
        """Answer the text of the first element of this path below, or nothing."""
        found = self.child(*path)
        return found.text.strip() if found else ""

    def child(self, *path: str) -> "Element | None":
        """Answer the first element of this path below, or None."""
        found: Element | None = self
        for tag in path:
            found = next((child for child in found.children if child.tag == tag), None) if found else None
        return found

    def all(self, *tags: str) -> list["Element"]:
        """Answer the elements right below that have one of these tags."""
        return [child for child in self.children if child.tag in tags]


def elements(stream: BinaryIO, tags: Collection[str]) -> Iterator[Element]:
    """Yield each element with one of these tags when it ends, whole, wherever it stands; raises Wrong for what is no XML."""
    builder = _Builder(frozenset(tags))
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: builder.start(tag, attributes, parser.CurrentLineNumber)
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.doctype
    while True:
        chunk = stream.read(CHUNK)
        try:
            parser.Parse(chunk, not chunk)
        except (expat.ExpatError, ValueError, LookupError) as error:
            yield from builder.ready
            raise Wrong("not_readable", f"It is no XML that can be read: {error}.") from error
        yield from builder.ready
        builder.ready.clear()
        if not chunk:
            return


class _Builder:
    def __init__(self, tags: frozenset[str]) -> None:
        self.tags = tags
        self.ready: list[Element] = []
        self.open: list[Element] = []
        self.depth = self.parts = self.length = 0

    def doctype(self, *_: object) -> None:
        raise Wrong("not_readable", "It declares a document type, which no export needs.")

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Wrong("too_deep", f"Line {line}.")
        if not self.open and tag not in self.tags:
            return
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise Wrong("too_large", f"Line {line}.")
        self._count(sum(map(len, attributes.values())))
        element = Element(tag, attributes, line)
        if self.open:
            self.open[-1].children.append(element)
        self.open.append(element)

    def end(self, tag: str) -> None:
        self.depth -= 1
        if self.open:
            element = self.open.pop()
            if not self.open:
                self.parts = self.length = 0
                self.ready.append(element)

    def data(self, text: str) -> None:
        if self.open:
            self._count(len(text))
            self.open[-1].text += text

    def _count(self, letters: int) -> None:
        self.length += letters
        if self.length > MAX_TEXT:
            raise Wrong("too_large")


ILLEGAL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])
"""Characters that XML 1.0 has no way to write."""


def spelled(text: str) -> str:
    """Spell a text between tags."""
    return escape(text.translate(ILLEGAL), {"\r": "&#13;"})


def quoted(text: str) -> str:
    """Spell a text as the value of an attribute, with its quotes."""
    return quoteattr(text.translate(ILLEGAL), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
