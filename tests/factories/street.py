"""Pictures of a street and of plates, drawn, for the tests of the review page: what a person would see and mark there."""

import io
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from learning.actions import module
from learning.models import City, ReviewSlot, StoredObject
from tests.factories import training as rooms

SIZE = (960, 600)
CARS = ((90, 270, 250, 150), (420, 220, 210, 130), (700, 300, 230, 160))
COLOURS = ("#8a3b34", "#2f4a6d", "#d8d5cc")


def plate(text: str, size: tuple[int, int] = (320, 84)) -> bytes:
    """A number plate, cut out."""
    image = Image.new("RGB", size, "#e9e6d8")
    _write_plate(ImageDraw.Draw(image), (0, 0, *size), text)
    return _png(image)


def street(plates: tuple[str, ...] = ("MH12AB1234", "MH14DE5521", "KA01XY9090")) -> bytes:
    """A street with three cars, each with its plate."""
    image = Image.new("RGB", SIZE, "#9fb2bf")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 330, SIZE[0], SIZE[1]), fill="#55585c")
    for x in range(0, SIZE[0], 120):
        draw.rectangle((x, 520, x + 60, 528), fill="#c9c9c0")
    for x in range(20, SIZE[0], 190):
        draw.rectangle((x, 120 - x % 70, x + 150, 330), fill=("#7c6f64", "#8d8478")[x % 2])
    for bbox, colour, text in zip(CARS, COLOURS, plates, strict=True):
        _draw_car(draw, bbox, colour)
        _write_plate(draw, plate_of(bbox), text)
    return _png(image)


def plate_of(bbox: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Where the plate of a car is."""
    x, y, width, height = bbox
    return (x + width // 2 - 52, y + height - 46, 104, 26)


def cars(*labels: str) -> dict[str, Any]:
    """The annotation of the street's first cars; what is not there lies a little off, as a model's boxes do."""
    boxes = zip(CARS, labels, strict=False)
    return {
        "boxes": [{"label": label, "bbox": [x - 6, y + 4, width + 9, height - 3]} for (x, y, width, height), label in boxes]
    }


def _draw_car(draw: ImageDraw.ImageDraw, bbox: tuple[int, int, int, int], colour: str) -> None:
    x, y, width, height = bbox
    draw.rounded_rectangle((x + width // 6, y, x + width * 5 // 6, y + height // 2), 18, fill=colour)
    draw.rounded_rectangle((x + width // 5, y + 10, x + width * 4 // 5, y + height // 2 - 8), 10, fill="#26323b")
    draw.rounded_rectangle((x, y + height // 3, x + width, y + height - 14), 16, fill=colour)
    for wheel in (x + width // 6, x + width * 5 // 6 - 24):
        draw.ellipse((wheel, y + height - 34, wheel + 34, y + height), fill="#17191b")


def _write_plate(draw: ImageDraw.ImageDraw, bbox: tuple[int, int, int, int], text: str) -> None:
    x, y, width, height = bbox
    draw.rectangle((x, y, x + width - 1, y + height - 1), fill="#efeada", outline="#3a3a36")
    font = ImageFont.load_default(min(height * 0.62, width * 1.45 / max(1, len(text))))
    draw.text((x + width / 2, y + height / 2), text, fill="#1c1c1a", font=font, anchor="mm")


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def waiting(place: City) -> None:
    """Let a street wait to be boxed, and a plate in it to be read."""
    labels, attributes = ["car", "bus", "truck"], [{"name": "parked", "type": "checkbox", "per": "box"}]
    vehicles = module.add("vehicles", by=None, name="Vehicles", task="detection", labels=labels, attributes=attributes)
    text = {"pattern": "[A-Z]{2}[0-9]{2}[A-Z]{2}[0-9]{4}", "normalise": "plate", "unreadable": "?", "max_length": 12}
    signs = module.add("street_plates", by=None, name="Plates in the street", task="text", labels=["plate"], text=text)
    seen = {"label": "plate", "bbox": list(plate_of(CARS[0])), "text": "MH12AB1284"}
    predictions = ((vehicles, cars("car", "car")), (signs, {"text": "MH12AB1284", "boxes": [seen]}))
    for number, (of, prediction) in enumerate(predictions, start=900):
        pending = {"state": "pending", "truth": None, "truth_sha256": "", "label_status": ""}
        facts = {"prediction": prediction, "confidence": 0.87, "predicted_by": {"model": of.slug, "version": "1.2.0"}}
        sample = rooms.sample(of, place, number, content=street(), **pending, **facts)
        StoredObject.objects.filter(pk=sample.object_id).update(verified_at=rooms.NOON, width=SIZE[0], height=SIZE[1])
        ReviewSlot.opened(sample).save()
