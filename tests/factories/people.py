"""People to be recognised, drawn so that OpenCV's detector finds their faces, and folders of them."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from learning.actions import image as images
from learning.actions import module as modules
from learning.actions import person as persons
from learning.actions.image import Origin
from learning.actions.person import Named
from learning.models import AiModule, ImageSource, Person

OVALS = (
    (45, 20, 155, 185, 200),
    (45, 5, 155, 70, 60),
    (52, 35, 148, 120, 205),
    (62, 78, 94, 92, 70),
    (106, 78, 138, 92, 70),
    (66, 84, 90, 100, 110),
    (110, 84, 134, 100, 110),
    (72, 88, 84, 97, 20),
    (116, 88, 128, 97, 20),
    (88, 126, 112, 136, 150),
    (74, 148, 126, 162, 100),
)
"""Head, hair, forehead, brows, eyes, pupils, nose, mouth: corners and grey, on a square of 200."""


def portrait(number: int = 0, *, size: int = 200, faces: int = 1, **saved) -> bytes:
    """A JPEG of drawn faces side by side, unlike that of any other number."""
    image = Image.new("L", (size * faces, size), 90)
    draw, scale = ImageDraw.Draw(image), size / 200
    for left in range(0, size * faces, size):
        for x0, y0, x1, y1, grey in OVALS:
            draw.ellipse((left + x0 * scale, y0 * scale, left + x1 * scale, y1 * scale), fill=grey)
    grain = np.random.default_rng(number).integers(-6, 7, image.size[::-1])
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(3 * scale))).astype(int) + grain
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype("uint8")).convert("RGB").save(out, "JPEG", quality=90, **saved)
    return out.getvalue()


def faces_module() -> AiModule:
    found = AiModule.objects.filter(slug="people").first()
    return found or modules.add("people", by=None, name="People", task="classification")


def somebody(name: str = "Novak Djokovic", images_of: int = 0, domain: str = "serbia", **fields) -> Person:
    """A person with some images; `fields` are written as they stand."""
    person = persons.add(Named(name, domain), by=None).person
    for number in range(images_of):
        origin = Origin(ImageSource.IMPORT, f"{number}.jpg")
        images.add(portrait(hash_of(name) + number), by=None, person=person, module=faces_module(), origin=origin)
    Person.objects.filter(pk=person.pk).update(**fields)
    person.refresh_from_db()
    return person


def hash_of(name: str) -> int:
    """A number of a name, the same in each run."""
    return sum(map(ord, name)) * 100


def folders(root, people) -> None:
    """Write `{path: [contents]}` as folders of images."""
    for path, contents in people.items():
        folder = root / path
        folder.mkdir(parents=True)
        for number, content in enumerate(contents):
            (folder / f"{number}.jpg").write_bytes(content)
