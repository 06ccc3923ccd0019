"""Imports of a drawn street as people meet them: one that waits to be confirmed, and one that is done."""

import io
import json
import zipfile
from typing import Any

from accounts.models import User
from learning.models import AiModule
from tests.factories import street
from training.actions import dataset as dataset_verbs
from training.actions import importing
from training.models import DatasetImport


def archive(files: dict[str, Any]) -> bytes:
    """A ZIP of files; what is no bytes is written as JSON."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return out.getvalue()


def streets() -> dict[str, Any]:
    """A COCO export of three streets, with a box that leaves its picture, and one picture that is not there."""
    pictures = {f"streets/{n}.png": street.street((f"MH12AB123{n}", "MH14DE5521", "KA01XY9090")) for n in range(3)}
    names = ["Car", "bus", "street sign"]
    boxes = [(image, names[place], list(bbox)) for image in range(3) for place, bbox in enumerate(street.CARS[:2])]
    boxes += [(1, "street sign", [900, 20, 200, 60]), (3, "Car", [1, 1, 20, 20])]
    coco = {
        "images": [
            {"id": n, "file_name": name, "width": street.SIZE[0], "height": street.SIZE[1]}
            for n, name in enumerate([*pictures, "streets/lost.png"])
        ],
        "categories": [{"id": n, "name": name} for n, name in enumerate(names)],
        "annotations": [
            {"id": n, "image_id": image, "category_id": names.index(name), "bbox": bbox}
            for n, (image, name, bbox) in enumerate(boxes)
        ],
    }
    return {"annotations.json": coco, **pictures}


def imports(by: User) -> tuple[DatasetImport, DatasetImport]:
    """An import that waits to be confirmed, and one that is done; the module is that of tests.factories.street."""
    dataset = dataset_verbs.add(by=by, name="Streets by day", module=AiModule.objects.get(slug="vehicles"))
    made = []
    for name in ("streets-monday.zip", "streets-tuesday.zip"):
        job = importing.bring(dataset, archive(streets()), by=by, file_name=name)
        checked = importing.run(job.pk)
        assert checked is not None
        made.append(checked)
    importing.confirm(made[1], by=by, mapping={"street sign": None})
    done = importing.run(made[1].pk)
    assert done is not None
    return made[0], done
