"""Model versions: from a run's draft to the edge, through two people and one signature."""

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, transaction
from tuf.api.metadata import Metadata

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from core.lifecycle import IllegalMove
from tests import people
from tests.factories.training_models import FrozenVersionFactory, ModelVersionFactory, ModuleFactory, stored_bundle
from tests.racing import race
from training import trust
from training.actions import model_version, signing
from training.models import JobKind, JobStatus, ModelStatus, ModelVersion, TrainingJob, TrainingRun, VersionState

pytestmark = pytest.mark.django_db


def verbs_about(version):
    return list(Event.objects.about("training.modelversion", version.pk).order_by("pk").values_list("verb", flat=True))


def released_targets():
    return Metadata.from_bytes(trust.metadata("targets")).signed.targets


def a_run(**fields):
    frozen = FrozenVersionFactory()
    job = TrainingJob.objects.create(
        name="digits",
        module=frozen.dataset.module,
        dataset=frozen.dataset,
        dataset_version=frozen,
        trainer="mlp_classifier",
        created_by=people.ada(),
        **fields,
    )
    return TrainingRun.objects.create(
        job=job, attempt=1, token="t", heartbeat_at=frozen.created_at, modality=frozen.dataset.module.slug
    )


# register


def test_a_run_registers_a_draft_with_its_lineage():
    run = a_run()
    bundle = stored_bundle()
    metrics = {"accuracy": 0.97, "f1": 0.96, "per_label": {"0": 0.99}}
    made = model_version.register(run, bundle=bundle, metrics=metrics, platforms=["linux/x86_64"])
    assert (made.status, made.version, made.requested_by) == (ModelStatus.DRAFT, "1.0.0", people.ada())
    assert (made.training_job, made.dataset_version, made.bundle) == (run.job, run.job.dataset_version, bundle)
    assert (made.accuracy, made.f1_score, made.recall_score) == (0.97, 0.96, None)
    assert made.evaluation == {**metrics, "dataset_version": str(run.job.dataset_version), "job": str(run.job.pk)}
    assert verbs_about(made) == ["register"]


def test_numbers_count_on_within_organization_module_and_user():
    run = a_run()
    ModelVersionFactory(module=run.job.module, version="1.9.0")
    ModelVersionFactory(module=run.job.module, version="1.10.0")
    ModelVersionFactory(module=run.job.module, version="7.0.0", user_id="u-1")
    ModelVersionFactory(module=run.job.module, version="8.0.0", organization=people.acme())
    assert model_version.register(run, bundle=stored_bundle()).version == "1.11.0"


# evaluate


def test_evaluating_a_draft_puts_it_in_testing():
    frozen = FrozenVersionFactory()
    version = ModelVersionFactory(dataset_version=frozen)
    job = model_version.evaluate(version, by=people.ada())
    assert (job.kind, job.evaluated_version, job.dataset_version) == (JobKind.EVALUATE, version, frozen)
    assert job.evaluated_split == "test"
    version.refresh_from_db()
    assert version.status == ModelStatus.TESTING
    assert verbs_about(version) == ["evaluate"]


def test_the_same_evaluation_is_not_started_twice_but_may_be_repeated():
    version = ModelVersionFactory(dataset_version=FrozenVersionFactory())
    job = model_version.evaluate(version, by=people.ada())
    with pytest.raises(Conflict, match="under way"):
        model_version.evaluate(version, by=people.ada())
    TrainingJob.objects.filter(pk=job.pk).update(status=JobStatus.COMPLETED)
    assert model_version.evaluate(version, by=people.ada()) != job


def test_a_released_version_is_evaluated_where_it_stands():
    version = ModelVersionFactory(status=ModelStatus.RELEASED)
    model_version.evaluate(version, by=people.ada(), dataset_version=FrozenVersionFactory(), split="validation")
    version.refresh_from_db()
    assert version.status == ModelStatus.RELEASED


def test_a_deprecated_version_is_not_evaluated():
    version = ModelVersionFactory(status=ModelStatus.DEPRECATED, dataset_version=FrozenVersionFactory())
    with pytest.raises(Conflict):
        model_version.evaluate(version, by=people.ada())


def test_evaluating_needs_something_to_evaluate_on():
    with pytest.raises(Invalid, match="name one"):
        model_version.evaluate(ModelVersionFactory(), by=people.ada())
    with pytest.raises(Invalid, match="no split"):
        model_version.evaluate(ModelVersionFactory(dataset_version=FrozenVersionFactory()), by=people.ada(), split="all")


def test_a_dataset_version_that_is_not_frozen_proves_nothing():
    frozen = FrozenVersionFactory(state=VersionState.FREEZING, fingerprint="")
    with pytest.raises(Conflict, match="freezing"):
        model_version.evaluate(ModelVersionFactory(dataset_version=frozen), by=people.ada())


# approve and refuse


def test_another_person_approves():
    version = ModelVersionFactory(status=ModelStatus.TESTING)
    model_version.approve(version, by=people.bo(), notes="fine on night images")
    version.refresh_from_db()
    assert (version.status, version.approved_by, version.approval_notes) == ("approved", people.bo(), "fine on night images")
    assert version.is_approved
    assert verbs_about(version) == ["approve"]


def test_the_requester_may_not_approve():
    version = ModelVersionFactory(status=ModelStatus.TESTING, requested_by=people.ada())
    with pytest.raises(Refused, match="another person") as refusal:
        model_version.approve(version, by=people.ada())
    assert refusal.value.status == 403
    version.refresh_from_db()
    assert version.status == ModelStatus.TESTING


def test_the_database_itself_refuses_the_requester_as_approver():
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=version.pk).update(approved_by=version.requested_by)


def test_the_database_itself_refuses_an_approval_by_nobody():
    version = ModelVersionFactory(status=ModelStatus.TESTING)
    for status in (ModelStatus.APPROVED, ModelStatus.RELEASED):
        with pytest.raises(IntegrityError), transaction.atomic():
            ModelVersion.objects.filter(pk=version.pk).update(status=status)


def test_a_house_with_one_person_may_give_up_four_eyes(settings):
    settings.APPROVAL_FOUR_EYES = False
    version = ModelVersionFactory(status=ModelStatus.TESTING, requested_by=people.ada())
    model_version.approve(version, by=people.ada())
    version.refresh_from_db()
    assert (version.status, version.four_eyes) == (ModelStatus.APPROVED, False)


def test_neither_the_hub_nor_an_annotator_may_approve():
    version = ModelVersionFactory(status=ModelStatus.TESTING)
    for by in (None, people.ann(), people.olga()):
        with pytest.raises(Refused):
            model_version.approve(version, by=by)


def test_a_second_approval_is_a_conflict():
    version = ModelVersionFactory(status=ModelStatus.TESTING)
    stale = ModelVersion.objects.get(pk=version.pk)
    model_version.approve(version, by=people.bo())
    for again in (version, stale):
        with pytest.raises(Conflict):
            model_version.approve(again, by=people.bo())


def test_refusing_needs_a_reason_and_takes_the_approval_back():
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    with pytest.raises(Invalid, match="why"):
        model_version.refuse(version, by=people.bo(), reason=" ")
    model_version.refuse(version, by=people.bo(), reason="misreads 7")
    version.refresh_from_db()
    assert (version.status, version.approved_by, version.approved_at) == (ModelStatus.DRAFT, None, None)
    assert Event.objects.get(verb="refuse").facts == {"reason": "misreads 7"}
    with pytest.raises(IllegalMove):
        model_version.refuse(version, by=people.bo(), reason="misreads 7")


@pytest.mark.parametrize("verb", ["approve", "refuse", "deprecate"])
def test_texts_have_a_bound(verb):
    version = ModelVersionFactory(status=ModelStatus.APPROVED if verb == "deprecate" else ModelStatus.TESTING)
    name = {"approve": "notes"}.get(verb, "reason")
    with pytest.raises(Invalid, match="longer"):
        getattr(model_version, verb)(version, by=people.bo(), **{name: "x" * 4_001})


# release


def test_release_signs_at_once_where_the_key_is_embedded():
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    answer = model_version.release(version, by=people.bo(), release_notes="first")
    assert (answer.status, answer.is_active, answer.release_notes) == (ModelStatus.RELEASED, True, "first")
    listed = released_targets()[version.file_name]
    assert (listed.hashes["sha256"], listed.length) == (version.bundle.sha256, version.bundle.size)
    assert verbs_about(version) == ["request_release", "release", "activate"]


@pytest.mark.parametrize("status", sorted(set(ModelStatus) - {ModelStatus.APPROVED}))
def test_only_an_approved_version_is_released(status):
    version = ModelVersionFactory(status=status)
    with pytest.raises(Conflict, match="Only an approved"):
        model_version.release(version, by=people.bo())
    assert released_targets() == {}


def test_without_the_key_a_release_awaits_its_signature():
    trust.init()
    key = settings.TRUST_DIR / "keys" / "targets.pem"
    elsewhere = key.rename(settings.TRUST_DIR.parent / "usb.pem")
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    assert model_version.release(version, by=people.bo()).status == ModelStatus.APPROVED
    assert str(trust.standing()) == "0/1"
    assert released_targets() == {}
    with pytest.raises(Conflict, match="awaits signatures"):
        model_version.release(version, by=people.bo())
    call_command("trust", "sign", key=elsewhere)
    version.refresh_from_db()
    assert (version.status, version.is_active) == (ModelStatus.RELEASED, True)
    assert version.file_name in released_targets()


def test_one_signature_releases_all_that_were_asked_for():
    trust.init()
    elsewhere = (settings.TRUST_DIR / "keys" / "targets.pem").rename(settings.TRUST_DIR.parent / "usb.pem")
    versions = [ModelVersionFactory(status=ModelStatus.APPROVED) for _ in range(2)]
    for version in versions:
        model_version.release(version, by=people.bo())
    call_command("trust", "sign", key=elsewhere)
    assert set(released_targets()) == {version.file_name for version in versions}
    assert list(ModelVersion.objects.active()) == versions[1:]


@pytest.mark.parametrize("verb", ["refuse", "deprecate"])
def test_taking_an_asked_release_back_leaves_nothing_to_sign(verb):
    trust.init()
    (settings.TRUST_DIR / "keys" / "targets.pem").unlink()
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    model_version.release(version, by=people.bo())
    getattr(model_version, verb)(version, by=people.bo(), reason="wrong")
    assert not trust.is_open()


def test_a_signature_by_another_key_releases_nothing():
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    trust.init()
    signers = trust.at_hand()
    model_version.request_release(version, by=people.bo())
    with pytest.raises(Refused):
        signing.sign_with(signers["assignments"], by=people.bo(), signers=signers)
    with pytest.raises(Refused):
        model_version.admit_signature(trust.request_file(), by=people.bo(), signers=signers)
    version.refresh_from_db()
    assert version.status == ModelStatus.APPROVED


def test_releases_add_up():
    versions = [ModelVersionFactory(status=ModelStatus.APPROVED) for _ in range(3)]
    for version in versions:
        model_version.release(version, by=people.bo())
    assert set(released_targets()) == {version.file_name for version in versions}


# activate and deprecate


def test_one_version_is_active_per_organization_user_and_module():
    first, second = (ModelVersionFactory(status=ModelStatus.APPROVED) for _ in range(2))
    other_module = ModelVersionFactory(status=ModelStatus.APPROVED, module=ModuleFactory(slug="plates"))
    for version in (first, other_module, second):
        model_version.release(version, by=people.bo())
    assert set(ModelVersion.objects.active()) == {second, other_module}
    model_version.activate(first, by=people.ada())
    assert set(ModelVersion.objects.active()) == {first, other_module}
    event = Event.objects.about("training.modelversion", first.pk).latest("pk")
    assert (event.verb, event.facts) == ("activate", {"replaces": str(second.pk)})
    with pytest.raises(Conflict, match="already"):
        model_version.activate(first, by=people.ada())


def test_only_a_released_version_is_activated():
    with pytest.raises(Conflict, match="Only a released"):
        model_version.activate(ModelVersionFactory(status=ModelStatus.APPROVED), by=people.bo())


def test_the_database_itself_refuses_two_active_ones():
    versions = [ModelVersionFactory(status=ModelStatus.RELEASED) for _ in range(2)]
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk__in=[version.pk for version in versions]).update(is_active=True)


def test_a_deprecated_version_is_not_active():
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    model_version.release(version, by=people.bo())
    model_version.deprecate(version, by=people.bo(), reason="2.0.0 is better")
    version.refresh_from_db()
    assert (version.status, version.is_active, version.standing) == (ModelStatus.DEPRECATED, False, "archived")
    with pytest.raises(IllegalMove):
        model_version.deprecate(version, by=people.bo(), reason="Old.")


# races


# what a plan bounds, and what may be said later


def test_a_customer_has_five_released_models_a_module():
    trust.init()
    acme, module = people.acme(), ModuleFactory()
    for _ in range(4):
        ModelVersionFactory(status=ModelStatus.RELEASED, organization=acme, module=module)
    ModelVersionFactory(status=ModelStatus.RELEASED, organization=acme, module=ModuleFactory(slug="plates"))
    fifth, sixth = (ModelVersionFactory(status=ModelStatus.APPROVED, organization=acme, module=module) for _ in range(2))
    model_version.request_release(fifth, by=people.bo())
    with pytest.raises(Refused, match="Deprecate one first") as refused:
        model_version.request_release(sixth, by=people.bo())
    assert refused.value.facts == {"limit": 5, "used": 5}
    model_version.deprecate(
        ModelVersion.objects.filter(module=module, status=ModelStatus.RELEASED).first(), by=people.bo(), reason="Old."
    )
    model_version.request_release(sixth, by=people.bo())


def test_words_of_a_version_may_change_and_nothing_else():
    version = ModelVersionFactory(status=ModelStatus.RELEASED)
    model_version.revise(version, by=people.ada(), name=" digits at night ", notes="watch the 7")
    version.refresh_from_db()
    assert (version.name, version.notes, version.status) == ("digits at night", "watch the 7", ModelStatus.RELEASED)
    assert verbs_about(version) == ["revise"]
    for texts in ({"accuracy": "1"}, {"name": " "}, {"name": "x" * 121}, {"notes": "x" * 4_001}):
        with pytest.raises(Invalid):
            model_version.revise(version, by=people.ada(), **texts)
    with pytest.raises(Refused):
        model_version.revise(version, by=people.olga(), name="mine")


@pytest.mark.django_db(transaction=True)
def test_of_eight_approvals_at_once_one_wins():
    version, bo = ModelVersionFactory(status=ModelStatus.TESTING), people.bo()
    won, lost = race(lambda _: model_version.approve(ModelVersion.objects.get(pk=version.pk), by=bo))
    assert (len(won), len(lost)) == (1, 7)
    assert all(refusal.status == 409 for refusal in lost)
    assert verbs_about(version) == ["approve"]


@pytest.mark.django_db(transaction=True)
def test_of_eight_releases_at_once_one_wins():
    version, bo = ModelVersionFactory(status=ModelStatus.APPROVED), people.bo()
    won, lost = race(lambda _: model_version.release(ModelVersion.objects.get(pk=version.pk), by=bo))
    assert (len(won), len(lost)) == (1, 7)
    assert all(refusal.status == 409 for refusal in lost)
    assert verbs_about(version) == ["request_release", "release", "activate"]


@pytest.mark.django_db(transaction=True)
def test_eight_versions_activated_at_once_leave_one_active():
    versions, bo = [ModelVersionFactory(status=ModelStatus.RELEASED) for _ in range(8)], people.bo()
    won, lost = race(lambda i: model_version.activate(versions[i], by=bo))
    assert (len(won), len(lost)) == (8, 0)
    assert ModelVersion.objects.active().count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_release_and_its_refusal_at_once_leave_one_of_both():
    version, bo = ModelVersionFactory(status=ModelStatus.APPROVED), people.bo()
    trust.init()

    def act(index):
        mine = ModelVersion.objects.get(pk=version.pk)
        if index % 2:
            return model_version.release(mine, by=bo)
        return model_version.refuse(mine, by=bo, reason="no")

    won, _ = race(act)
    assert len(won) == 1
    version.refresh_from_db()
    assert (version.file_name in released_targets()) == version.is_released
