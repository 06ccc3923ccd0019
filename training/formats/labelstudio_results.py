"""What the results of one annotation of Label Studio say together: boxes first, then what is said of them by their ids."""

from typing import Any

from msgspec import Struct

from training.formats import regions
from training.formats.base import Notes, Record, Value, Wrong
from training.formats.boxes import around, turned, upright
from training.formats.values import Answer, attributes_of, number_of, side_of, text_of

PREFIX = "attributes."
"""What the questions are called that are our own attributes."""
DROPPED = {
    "keypointlabels": "point_dropped", "keypoint": "point_dropped", "relation": "relation_dropped", "vectorlabels": "line_dropped",
    "vector": "line_dropped", "timeserieslabels": "shape_dropped", "videorectangle": "track_dropped",
}  # fmt: skip


class Result(Struct, gc=False):
    """One answer of an annotation: a region, its label, or what is said in words."""

    type: str = ""
    from_name: Any = None
    id: Any = None
    value: Any = None
    original_width: Any = None
    original_height: Any = None
    image_rotation: Any = 0


class Reading:
    """The results of one annotation, read: boxes first, then what else is said of them by their ids."""

    def __init__(self, record: Record, results: list[Result], notes: Notes) -> None:
        self.record, self.results, self.notes = record, results, notes
        self.answer = Answer()
        self.boxes: dict[str, dict[str, Any]] = {}
        self.size = self._size()

    def value(self) -> Value | None:
        """Answer the value; raises Wrong."""
        drawn = {self._key(result) for result in self.results if labels_of(result)} - {""}
        for result in self.results:
            if isinstance(result.value, dict) and labels_of(result):
                self._draw(result)
        for result in self.results:
            if isinstance(result.value, dict) and not labels_of(result):
                self._say(result, about_box=self._key(result) in drawn)
        return self.answer.value()

    def _size(self) -> tuple[int, int] | None:
        """Answer the image's size as the results state it, and give it to the record."""
        for result in self.results:
            width, height = side_of(result.original_width), side_of(result.original_height)
            if width and height:
                self.record.width, self.record.height = width, height
                return width, height
        if self.record.width and self.record.height:
            return self.record.width, self.record.height
        self.record.relative = True
        return None

    @staticmethod
    def _key(result: Result) -> str:
        return result.id if isinstance(result.id, str) else ""

    def _draw(self, result: Result) -> None:
        if result.type in DROPPED:
            self.notes[DROPPED[result.type]] += 1
            self.answer.dropped = True
            return
        if result.image_rotation:
            self.notes["image_rotated"] += 1
        labels = labels_of(result)
        if len(labels) > 1:
            raise Wrong("several_labels", f"{str(labels[0])[:60]} and {str(labels[1])[:60]}")
        bbox = self._bbox(result)
        if bbox is None:
            self.notes["shape_dropped"] += 1
            self.answer.dropped = True
            return
        self.answer.add_box(labels[0], bbox)
        if key := self._key(result):
            self.boxes[key] = self.answer.boxes[-1]

    def _bbox(self, result: Result) -> list[float] | None:
        """Answer the upright box around a region; None for a shape nobody knows."""
        value = result.value
        if "rle" in value:
            return self._brush(result)
        if "points" in value:
            self.notes["polygon_to_box"] += 1
            return self._placed(around(_points(value["points"])))
        if "radiusX" in value:
            self.notes["ellipse_to_box"] += 1
            x, y, across, down = (number_of(value.get(key)) for key in ("x", "y", "radiusX", "radiusY"))
            turn = number_of(value.get("rotation", 0))
            return self._placed(self._turned([x - across, y - down, 2 * across, 2 * down], turn, (x, y)))
        return self._rectangle(value) if {"x", "y", "width", "height"} <= value.keys() else None

    def _rectangle(self, value: dict[str, Any]) -> list[float]:
        x, y, width, height = (number_of(value.get(key)) for key in ("x", "y", "width", "height"))
        turn = value.get("rotation")
        if turn and number_of(turn):
            self.notes["rotated_to_box"] += 1
            return self._placed(self._turned([x, y, width, height], turn, (x, y)))
        return self._placed((x, y, x + width, y + height))

    def _turned(self, bbox: list[float], degrees: float, about: tuple[float, float]) -> tuple[float, float, float, float]:
        """Answer left, top, right, bottom in percent of a box in percent, turned in the pixels of the image."""
        if not degrees:
            x, y, width, height = bbox
            return x, y, x + width, y + height
        if self.size is None:
            raise Wrong("size_unknown", "A turned box needs the size of its image.")
        across, down = self.size
        x, y, width, height = bbox
        pixels = [x * across, y * down, width * across, height * down]
        left, top, right, bottom = turned(pixels, degrees, (about[0] * across, about[1] * down))
        return left / across, top / down, right / across, bottom / down

    def _placed(self, percents: tuple[float, float, float, float]) -> list[float]:
        """Answer corners in percent as a box in pixels, or in shares where the size is not known."""
        left, top, right, bottom = (percent / 100 for percent in percents)
        if self.size is None:
            return [left, top, right - left, bottom - top]
        across, down = self.size
        return upright(left * across, top * down, right * across, bottom * down)

    def _brush(self, result: Result) -> list[float]:
        self.notes["mask_to_box"] += 1
        runs = result.value.get("rle")
        width, height = side_of(result.original_width), side_of(result.original_height)
        if not (width and height) or not isinstance(runs, list):
            raise Wrong("size_unknown", "A brush needs its runs and the size of its image.")
        top, left, bottom, right = regions.box_of(regions.brushed(runs), width)
        return upright(left, top, right, bottom)

    def _say(self, result: Result, *, about_box: bool) -> None:
        """Take what is said in words, of a box under its id, else of the image as a whole."""
        if result.type in DROPPED:
            self.notes[DROPPED[result.type]] += 1
            self.answer.dropped |= result.type != "relation"
            return
        said = _said(result)
        if said is None:
            self._shape_without_label(result, about_box=about_box)
            return
        box = self.boxes.get(self._key(result))
        name = result.from_name if isinstance(result.from_name, str) else ""
        if about_box and box is None:
            return  # it is about a shape that was left out
        if name.startswith(PREFIX):
            self._attribute(box, name.removeprefix(PREFIX), said)
        elif result.type == "textarea" and box is not None and "text" not in box:
            box["text"] = text_of(said)
        elif result.type == "textarea" and self.answer.text is None:
            self.answer.say_text(said)
        elif result.type == "choices" and box is None and self.answer.label is None:
            self.answer.say_label(said)
        else:
            self._attribute(box, name, said)

    def _shape_without_label(self, result: Result, *, about_box: bool) -> None:
        if "x" in result.value or "points" in result.value or "rle" in result.value:
            if not about_box:
                raise Wrong("label_missing", f"A region of {result.type[:40]} has no label.")
        else:
            self.notes["field_ignored"] += 1

    def _attribute(self, box: dict[str, Any] | None, name: str, said: Any) -> None:
        kept = attributes_of({name: said}, self.notes)
        if not kept:
            return
        if box is not None:
            box["attributes"] = {**box.get("attributes", {}), **kept}
        else:
            self.answer.attributes = {**(self.answer.attributes or {}), **kept}


def labels_of(result: Result) -> list[Any]:
    """Answer the labels of a region; a region may state them in a result of its own."""
    if not isinstance(result.value, dict) or not result.type.endswith("labels"):
        return []
    labels = result.value.get(result.type)
    return labels if isinstance(labels, list) else []


def _points(points: Any) -> list[tuple[float, float]]:
    if not isinstance(points, list) or not points or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise Wrong("bad_shape", "The points of a polygon are pairs of numbers.")
    return [(number_of(x), number_of(y)) for x, y in points]


def _said(result: Result) -> Any:
    """Answer what a result says in words or numbers; None where it says nothing of the kind. Raises Wrong for several choices."""
    value = result.value
    for key in ("choices", "text", "number", "rating"):
        said = value.get(key)
        if key == "text" and isinstance(said, list):
            return "\n".join(text for text in said if isinstance(text, str)) if said else None
        if key == "choices" and isinstance(said, list):
            if len(said) > 1:
                raise Wrong("several_labels", f"{str(said[0])[:60]} and {str(said[1])[:60]}")
            return said[0] if said else None
        if isinstance(said, str | int | float) and key in value:
            return said
    return None
