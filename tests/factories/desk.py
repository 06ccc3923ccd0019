"""What lies on the desks of those who judge, for pictures: a grid, a dispute, a check, returned work, gold, and nothing at all."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils import timezone
from sklearn.datasets import load_digits

from accounts.models import User
from learning.actions import city as city_verbs
from learning.actions import module as modules
from learning.actions import review
from learning.models import AiModule, City, LearningSample, ReviewSlot, StoredObject
from tests import people
from tests.factories import training as rooms
from tests.factories.judged import judged_before
from tests.factories.street import CARS, cars, plate, street

FORM = {"pattern": "[A-Z]{2}[0-9]{2}[A-Z]{2}[0-9]{4}", "normalise": "plate", "unreadable": "?", "max_length": 12}
REASONS = ["unreadable", "two_plates", "guide_unclear"]
GUIDE = "Write what stands there, without spaces. A plate that is cut off is unsure."
PENDING = {"state": "pending", "truth": None, "truth_sha256": "", "label_status": ""}
SEEN = ("MH12AB1284", "MH14DE5521", "KA01XY9090", "DL03CC7715", "MH20FG3308", "GJ05RT6642", "MH12QK0071", "TN22BZ1935")


def desk() -> AiModule:
    """Make it all, with one person who judges beside each other; answers the module of digits, whose quality is known."""
    place = city_verbs.add("city_pune", by=people.ada(), name="Pune", timezone="Asia/Kolkata")
    digits = _digits(place)
    _grid_of_plates(place)
    _disputed_plates(place)
    _disputed_boxes(place)
    _checked(place)
    modules.add("quiet", by=None, name="Traffic lights", task="classification", labels=["red", "amber", "green"])
    return digits


def _digits(place: City) -> AiModule:
    """Digits that people judged for weeks, and some more that were all taken for threes."""
    digits, known = rooms.module(people.ada()), load_digits()
    settled = []
    for number in range(60):
        truth = str(known.target[number])
        prediction = {"label": str((int(truth) + (number % 9 == 4)) % 10)}
        facts: dict[str, Any] = {"prediction": prediction, "confidence": 0.9, "predicted_by": _by("meter_digits")}
        settled.append(rooms.sample(digits, place, number, label=truth, content=rooms.png(known.images[number], 96), **facts))
    StoredObject.objects.update(verified_at=rooms.NOON, width=96, height=96)
    judged_before(digits, settled[:50])
    threes = [at for at in range(60, 400) if known.target[at] == 3][:25]
    wrong = [at for at in range(60, 200) if known.target[at] in {5, 8}][:3]
    shown = sorted([*threes, *wrong])
    _waiting(digits, place, [{"label": "3"}] * len(shown), [rooms.png(known.images[at], 96) for at in shown], first=100)
    others = [at for at in range(60, 80) if known.target[at] in {1, 7}]
    predictions = [{"label": str(known.target[at])} for at in others]
    _waiting(digits, place, predictions, [rooms.png(known.images[at], 96) for at in others], first=200)
    return digits


def _grid_of_plates(place: City) -> None:
    """Sixteen crops, one of them misread."""
    module = _plates("plates", "Plates at the gate", grid_full_share=0.1)
    seen = [*SEEN, *(text[:2] + text[2:4][::-1] + text[4:] for text in SEEN)]
    read = [text.replace("MH20FG3308", "MH20FG3306") for text in seen]
    _waiting(module, place, [{"text": text} for text in read], [plate(text) for text in seen], first=300)


def _disputed_plates(place: City) -> None:
    """A plate that three people read in three ways."""
    module = _plates("street_plates", "Plates in the street", overlap=3)
    _waiting(module, place, [{"text": "MH12AB1234"}], [plate("MH12AB1284")], first=400)
    said(module, people.ann(), decision="correct")
    said(module, people.al(), decision="change", correction={"text": "MH12AB1284"})
    said(module, people.bo(), decision="unsure", reason="guide_unclear", note="Is the eight a three that is worn?")


def _disputed_boxes(place: City) -> None:
    """A street in which one saw a car more than the other."""
    policy = {"overlap": 2, "city_labels": "review"}
    labels = ["car", "bus", "truck"]
    module = modules.add("vehicles", by=None, name="Vehicles", task="detection", labels=labels, review_policy=policy)
    _waiting(module, place, [cars("car", "car")], [street()], first=500)
    third = {"label": "truck", "bbox": [float(side) for side in CARS[2]]}
    said(module, people.ann(), decision="correct")
    said(module, people.al(), decision="change", correction={"boxes": [*cars("car", "car")["boxes"], third]})


def _checked(place: City) -> None:
    """Ann judged three plates, all of which are to be checked; one of them Rhea gave back."""
    module = _plates("parking", "Plates of the car park", first_check_share=1.0)
    texts = SEEN[:3]
    _waiting(module, place, [{"text": text} for text in texts], [plate(text) for text in texts], first=600)
    said(module, people.ann(), decision="change", correction={"text": "MH12AB1234"})
    said(module, people.rhea(), kind="check", decision="return", reason="wrong_text", note="The last but one is an eight.")
    said(module, people.ann(), decision="change", correction={"text": "MH14DE5527"})
    said(module, people.ann(), decision="correct")


def _plates(slug: str, name: str, **policy: Any) -> AiModule:
    terms = {"city_labels": "review", "first_check_share": 0.0, "later_check_share": 0.0, "random_share": 0.0, **policy}
    facts = {"task": "text", "text": FORM, "reasons": REASONS, "guide": GUIDE, "review_policy": terms}
    return modules.add(slug, by=None, name=name, **facts)


def _waiting(
    module: AiModule, place: City, predictions: Sequence[dict[str, Any]], pictures: Iterable[bytes], *, first: int
) -> None:
    for number, (prediction, content) in enumerate(zip(predictions, pictures, strict=True), start=first):
        facts = {"prediction": prediction, "confidence": 0.97 - number % 7 / 20, "predicted_by": _by(module.slug)}
        sample = rooms.sample(module, place, number, content=content, **PENDING, **facts)
        size = {"classification": (96, 96), "detection": (960, 600)}.get(module.task, (320, 84))
        StoredObject.objects.filter(pk=sample.object_id).update(verified_at=rooms.NOON, width=size[0], height=size[1])
        LearningSample.objects.filter(pk=sample.pk).update(captured_at=timezone.now())
        ReviewSlot.opened(sample).save()


def _by(model: str) -> dict[str, str]:
    return {"model": model, "version": "1.2.0"}


def said(module: AiModule, who: User, *, kind: str = "judge", **decision: Any) -> None:
    """Let somebody decide on the next sample that they get."""
    lease = review.lease_next(module, by=who, kind=kind)
    assert lease is not None
    review.decide(lease.slot, by=who, lease_token=lease.token, client_uuid=uuid.uuid4(), seconds=3.0, **decision)
