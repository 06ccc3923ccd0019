"""Two versions beside each other: who came and went, whose truth or group is another, by class and drawn."""

import pytest
from django.urls import reverse

from core.canonical import canonical_sha256
from core.errors import Invalid
from learning.actions import erasing
from learning.models import LearningSample
from tests import people
from tests.factories import training as make
from tests.learning.test_batch_api import Caller
from tests.learning.test_erasure import confirmed, drafted
from tests.pages import looking
from training.actions import dataset, version_comparison
from training.models import TrainingSample, VersionComparison

pytestmark = pytest.mark.django_db


def two_versions(ada):
    """Six samples, then: one more, one rejected, one relabelled, one in another group."""
    made = make.samples(ada, 6, labels=["1", "2"])
    of = make.dataset_of(ada)
    first = make.frozen(ada, of)
    make.sample(made[0].module, made[0].city, 90, label="3")
    dataset.refresh(of, by=ada)
    TrainingSample.objects.filter(sample=made[1]).update(rejection_reason="blurred")
    truth = {"label": "7"}
    LearningSample.objects.filter(pk=made[2].pk).update(truth=truth, truth_sha256=canonical_sha256(truth))
    LearningSample.objects.filter(pk=made[3].pk).update(group_key="together")
    return first, make.frozen(ada, of, "v1.1.0"), made


def test_all_that_differs_is_found_by_class_and_drawn():
    ada = people.ada()
    first, second, made = two_versions(ada)
    page, address = looking(ada), reverse("training:version-compare", args=[second.pk])
    assert "this page follows by itself" in page.get(address, {"with": first.pk}).content.decode()
    path = f"/api/v1/training/datasets/{first.dataset_id}/versions/v1.1.0/compare?with=v1.0.0"
    asked = Caller(ada).get(path)
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    row = VersionComparison.objects.get()
    assert version_comparison.sweep() == 1
    version_comparison.work(row.pk)
    assert version_comparison.work(row.pk) is None
    told = Caller(ada).get(path).json()
    counts = {"same": 3, "erased": 0, "added": 1, "removed": 1, "relabelled": 1, "regrouped": 1, "moved": 0}
    assert (told["state"], told["counts"]) == ("done", counts)
    assert told["classes"] == {"3": {"added": 1}, "2": {"removed": 1}, "1": {"lost": 1}, "7": {"gained": 1}}
    change = next(each for each in told["changes"] if each["kind"] == "relabelled")
    assert (change["before"]["truth"], change["after"]["truth"]) == ({"label": "1"}, {"label": "7"})
    shown = page.get(address, {"with": first.pk, "kind": "relabelled"}).content.decode()
    assert (made[2].event_id in shown, made[1].event_id in shown, 'hx-trigger="every 2s"' in shown) == (True, False, False)
    back = version_comparison.ask(second, first, by=ada)
    assert version_comparison.work(back.pk).result["counts"]["added"] == 1


def test_an_erasure_takes_what_a_comparison_shows():
    ada = people.ada()
    first, second, made = two_versions(ada)
    version_comparison.work(version_comparison.ask(first, second, by=ada).pk)
    erasing.run(confirmed(drafted("samples", {"samples": [made[2].sample_id]})).pk)
    assert not VersionComparison.objects.exists()


def test_only_two_frozen_versions_of_one_dataset_are_compared():
    ada = people.ada()
    make.samples(ada, 2)
    done = make.frozen(ada)
    other = make.frozen(ada, make.dataset_of(ada, name="another"))
    for wrong in (done, other):
        with pytest.raises(Invalid):
            version_comparison.ask(wrong, done, by=ada)
    assert Caller(ada).get(f"/api/v1/training/datasets/{done.dataset_id}/versions/v1.0.0/compare?with=").status_code == 404
