"""XML from strangers, read by expat alone: no document type, so no entities; bounded in depth and number.

Reading can end at the end of one element, so that a large export costs what stands before it.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

MAX_ELEMENTS = 200_000
MAX_DEPTH = 40


class NotMarkup(Exception):
    """It is no XML, or XML that is not taken."""


class _Enough(Exception):
    """What was asked for has been read."""


@dataclass
class Tree:
    """An element: its tag, attributes, own text and elements within."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list["Tree"] = field(default_factory=list)

    def all(self, *tags: str) -> list["Tree"]:
        """Answer the elements within, however deep, that have one of these tags, in order."""
        found = []
        waiting = list(reversed(self.children))
        while waiting:
            element = waiting.pop()
            if element.tag in tags:
                found.append(element)
            waiting += reversed(element.children)
        return found

    def said(self, tag: str) -> str:
        """Answer the text of the first child of this tag, or nothing."""
        return next((child.text.strip() for child in self.children if child.tag == tag), "")


def first_tag(content: bytes) -> str:
    """Answer the tag of the outermost element; raises NotMarkup."""
    return parse(content, only_first=True).tag


def parse(content: bytes, *, until: str = "", only_first: bool = False) -> Tree:
    """Answer the outermost element, read to the end of `until`, or no further than its own tag; raises NotMarkup."""
    builder = _Builder(until, only_first=only_first)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(content, True)
    except _Enough:
        pass
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise NotMarkup(str(error)) from error
    if builder.root is None:
        raise NotMarkup("there is nothing in it")
    return builder.root


class _Builder:
    def __init__(self, until: str, *, only_first: bool) -> None:
        self.until, self.only_first = until, only_first
        self.root: Tree | None = None
        self.open: list[Tree] = []
        self.count = 0

    def doctype(self, *_: object) -> None:
        raise NotMarkup("it declares a document type, which no export of a schema needs")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > MAX_ELEMENTS or len(self.open) >= MAX_DEPTH:
            raise NotMarkup("it is too large or too deep")
        element = Tree(tag, attributes)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)
        if self.only_first:
            raise _Enough

    def end(self, tag: str) -> None:
        self.open.pop()
        if tag == self.until:
            raise _Enough

    def data(self, text: str) -> None:
        self.open[-1].text += text
