"""Look through an ONNX file for weights that lie outside it, with nothing but the wire format of protobuf.

The agent does not install the onnx package for one question; it walks the fields that can hold a tensor.
"""

from collections.abc import Iterator

from cc_edge.errors import Unfit

CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def refuse_external_data(model: bytes) -> None:
    """Raise Unfit where any tensor keeps its data in another file, or where the bytes are no protobuf."""
    waiting = [("model", 0, len(model))]
    while waiting:
        kind, start, end = waiting.pop()
        for field, begins, ends in _fields(model, start, end):
            if kind == "tensor" and field in {EXTERNAL_DATA, DATA_LOCATION} and ends > begins:
                raise Unfit("The model keeps weights outside its own file.")
            if field in CHILDREN[kind]:
                waiting.append((CHILDREN[kind][field], begins, ends))


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Answer (number, start, end) of each field; a number's value counts as its bytes, and as nothing where it is 0."""
    while at < end:
        tag, at = _varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, after = _varint(data, at, end)
            yield number, at, after if value else at
            at = after
            continue
        if wire == _BYTES:
            length, at = _varint(data, at, end)
        elif wire in {_FIXED64, _FIXED32}:
            length = 8 if wire == _FIXED64 else 4
        else:
            raise Unfit("The model is not an ONNX file.")
        if at + length > end:
            raise Unfit("The model is not an ONNX file.")
        yield number, at, at + length
        at += length


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise Unfit("The model is not an ONNX file.")
