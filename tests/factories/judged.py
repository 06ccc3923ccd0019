"""A module of which people judged some, with gold among it, and the counts that the pages of quality read."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from learning.actions import gold, pause, quality, review, summary
from learning.models import AiModule, GoldAnswer, HitlLabel, LearningSample, ReviewSlot
from tests import people
from tests.factories import learning as made

POLICY = {
    "city_labels": "review",
    "overlap": 2,
    "gold_share": 0.3,
    "first_check_share": 0.0,
    "later_check_share": 0.0,
    "random_share": 0.0,
}


def judged_module(count: int = 14) -> AiModule:
    """Ann and Al judge vehicles of two cities; Rhea makes the first of them gold; Bo meets it."""
    vehicles = made.vehicles(review_policy=POLICY, accepts_unlabelled=True)
    facts = {"label_status": None, "predicted_by": {"model": "vehicles", "version": "1.0.0"}}
    made.delivered(made.pune(), count // 2, **facts)
    made.delivered(made.pune("city_delhi"), count // 2, **facts)
    ann, al, bo, rhea = people.ann(), people.al(), people.bo(), people.rhea()
    work(vehicles, ann, count, seconds=2.5)
    work(vehicles, al, count - 2, seconds=4.0, often=5)
    for sample in LearningSample.objects.filter(state="settled").order_by("pk")[:4]:
        gold.promote(sample, by=rhea)
    work(vehicles, bo, 1, seconds=3.0)  # so that one sample waits for certain, whatever is drawn for him
    quality.refresh()
    summary.refresh()
    return vehicles


def work(module: AiModule, by: User, times: int, *, seconds: float, often: int = 4) -> None:
    """Judge so many samples: the last digits of the keys decide what they are, every `often`-th otherwise."""
    for number in range(times):
        lease = review.lease_next(module, by=by)
        if lease is None:
            return
        label = "bus" if lease.sample.pk % 3 == 0 else "car"
        if number % often == often - 1:
            label = "bicycle"
        said = {"decision": "correct"} if label == "car" else {"decision": "change", "correction": {"label": label}}
        keys = {"lease_token": lease.token, "client_uuid": uuid.uuid4()}
        review.decide(lease.slot, by=by, seconds=seconds + number / 10, **keys, **said)
        assert ReviewSlot.objects.get(pk=lease.slot).state == "done"


def judged_before(module: AiModule, samples: Sequence[LearningSample]) -> None:
    """Ann and Al judged these settled samples over the last weeks, some of them wrongly; some are gold, and Al is paused."""
    ann, al, rhea = people.ann(), people.al(), people.rhea()
    AiModule.objects.filter(pk=module.pk).update(review_policy={**module.review_policy, "gold_share": 0.05})
    for number, sample in enumerate(samples):
        for who, often in ((ann, 13), (al, 5)):
            said_of(sample, who, days=number % 33, is_wrong=number % often == 0, seconds=1.5 + number % 7 / 2)
    answers = [gold.promote(sample, by=rhea) for sample in samples if sample.pk % 3 and _agreed(sample)][:12]
    bo = people.bo()
    for number, answer in enumerate(answers):
        label = said_of(answer.sample, bo, days=2, is_wrong=number % 4 == 0, seconds=2.0, label_source="gold")
        is_right = number % 4 != 0
        facts = {"module": module, "user": bo, "label": label, "is_right": is_right, "answered_at": label.labeled_at}
        answer.answers.create(**facts)
        GoldAnswer.objects.filter(pk=answer.pk).update(showings=1, right_answers=int(is_right))
    pause.pause(module, al, by=rhea, why="Sevens with a bar are read as ones; let us look at the guide.")
    quality.refresh()


def said_of(sample: LearningSample, who: User, *, days: int, is_wrong: bool, seconds: float, **more: Any) -> HitlLabel:
    """Write down a judgement as if it had been made so many days ago."""
    assert sample.truth is not None
    truth = str(sample.truth["label"])
    label = {"label": str((int(truth) + 7) % 10 if is_wrong else truth)}
    is_kept = label == sample.prediction
    return HitlLabel.objects.create(
        sample=sample,
        city_id=sample.city_id,
        label_status="correct" if is_kept else "changed",
        decision="correct" if is_kept else "change",
        prediction=sample.prediction,
        correction=None if is_kept else label,
        labeled_at=timezone.now() - timedelta(days=days),
        annotator=who,
        review_time_seconds=seconds,
        **more,
    )


def _agreed(sample: LearningSample) -> bool:
    said = [label.correction or label.prediction for label in sample.labels.filter(label_source="review")]
    return said.count(sample.truth) >= 2
