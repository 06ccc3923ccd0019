"""Every state × every move, and every state × every verb, against tables written out by hand.

In a table of verbs a word is the state that follows, `-` is a refusal that leaves the state as it was.
"""

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from core.errors import Refusal
from core.lifecycle import IllegalMove, Lifecycle
from deployments.actions import deployment, edge_server, rollout
from deployments.models import DeploymentStatus, ModelDeployment, Rollout, RolloutState
from learning.actions import batch, collecting, collection, erasing, erasure, item, review, selection, verification
from learning.models import BatchState, ErasureState, ReviewSlot, SlotState, UploadBatch
from tests import people
from tests.deployments.conftest import said
from tests.factories import learning as learning_factory
from tests.factories import people as people_factory
from tests.factories import training as training_factory
from tests.factories.deployments import released_version
from tests.factories.training_models import FrozenVersionFactory, ModelVersionFactory
from training import trust
from training.actions import dataset, job, model_version, run, signing, version
from training.models import (
    DatasetStatus,
    JobStatus,
    ModelStatus,
    RunState,
    SigningRequest,
    TrainingJob,
    TrustDocument,
    VersionState,
)

pytestmark = pytest.mark.django_db

MOVES = {
    "learning.uploadbatch": "open>sealed,expired sealed>registered,rejected registered> rejected> expired>",
    "learning.learningsample": (
        "received>pending,settled pending>settled,disputed,excluded settled>pending,disputed,excluded "
        "disputed>pending,settled,excluded excluded>pending,settled,disputed"
    ),
    "learning.reviewslot": "held>open,void open>leased,void leased>open,done,void done>leased,void void>",
    "learning.selection": "draft>running,cancelled running>done,failed,cancelled done> failed>running cancelled>",
    "learning.collectionsession": ("processing>completed,failed,cancelled completed> failed>processing cancelled>processing"),
    "learning.person": "pending>in_training in_training>completed,pending completed>deployed,in_training deployed>",
    "learning.erasure": "draft>confirmed confirmed>running running>done done>",
    "training.trainingdataset": "draft>active,archived active>archived archived>",
    "training.datasetversion": "draft>freezing freezing>frozen,draft frozen>archived archived>",
    "training.datasetimport": (
        "checking>checked,failed,cancelled checked>importing,failed,cancelled "
        "importing>done,failed,cancelled done> failed> cancelled>"
    ),
    "training.datasetexport": ("pending>running,cancelled,failed running>done,failed,cancelled done> failed> cancelled>"),
    "training.datasetupload": "open>assembling,aborted,expired assembling>stored,failed stored> failed> aborted> expired>",
    "training.datasetgrowth": "running>done,failed,cancelled done> failed> cancelled>",
    "training.trainingjob": (
        "pending>queued,cancelled queued>running,cancelled,failed running>completed,failed,cancelled,queued "
        "completed> failed> cancelled>"
    ),
    "training.trainingrun": (
        "claimed>running,failed,lost,cancelled running>succeeded,failed,lost,cancelled succeeded> failed> lost> cancelled>"
    ),
    "training.modelversion": (
        "draft>testing,deprecated testing>approved,draft approved>released,draft,deprecated released>deprecated deprecated>"
    ),
    "training.modelregistration": (
        "open>checking,cancelled,expired checking>registered,failed registered> failed> cancelled> expired>"
    ),
    "training.signingrequest": "open>published,superseded published> superseded>",
    "deployments.rollout": (
        "draft>scheduled,running,aborted scheduled>running,aborted running>paused,completed,aborted,rolling_back "
        "paused>running,aborted,rolling_back completed>rolling_back aborted>rolling_back rolling_back>rolled_back rolled_back>"
    ),
    "deployments.modeldeployment": (
        "pending>downloading,installing,completed,failed,superseded downloading>installing,completed,failed,superseded,pending "
        "installing>completed,failed,superseded,pending,downloading completed>rolled_back,failed,pending,downloading,installing "
        "failed>completed,pending,downloading,installing superseded>completed rolled_back>"
    ),
}


def written(table: str) -> dict[str, set[str]]:
    rows = (row.split(">") for row in table.split())
    return {state: {name for name in after.split(",") if name} for state, after in rows}


def lifecycles() -> dict[str, type[Lifecycle]]:
    return {model._meta.label_lower: model for model in apps.get_models() if issubclass(model, Lifecycle)}


def test_every_noun_with_states_has_a_table():
    assert set(lifecycles()) == set(MOVES)


@pytest.mark.parametrize("noun", MOVES)
def test_the_moves_are_those_written_here(noun):
    model = lifecycles()[noun]
    field = model._meta.get_field(model.STATE_FIELD)
    assert {str(state): {str(after) for after in moves} for state, moves in model.MOVES.items()} == written(MOVES[noun])
    assert {value for value, _ in field.choices} == set(written(MOVES[noun]))


@pytest.mark.parametrize("noun", MOVES)
def test_a_move_that_is_not_written_is_refused(noun):
    model, table = lifecycles()[noun], written(MOVES[noun])
    for state in table:
        for new in set(table) - table[state]:
            row = model(**{model.STATE_FIELD: state})
            assert not row.can_move(new)
            with pytest.raises(IllegalMove):
                row.move(new)


def refused(verb, row: Lifecycle) -> str:
    """Answer the sentence with which a verb refused, or "" where it did not."""
    try:
        verb(row)
    except Refusal as refusal:
        return refusal.detail
    return ""


def walk(table: str, verbs: dict, make) -> None:
    """Put a row into each state, call each verb on it, and compare with the table."""
    header, *rows = [line.split() for line in table.strip().splitlines()]
    assert set(header[1:]) == set(verbs)
    for state, *expected in rows:
        for name, outcome in zip(header[1:], expected, strict=True):
            row = make(state)
            column = type(row).STATE_FIELD
            assert getattr(row, column) == state
            refusal = refused(verbs[name], row)
            assert bool(refusal) is (outcome == "-"), f"{name} on {state}: {refusal or 'not refused'}"
            after = type(row).objects.values_list(column, flat=True).get(pk=row.pk)
            assert after == (state if outcome == "-" else outcome), f"{name} on {state} led to {after}"


def put_into(row: Lifecycle, state: str, **fields) -> Lifecycle:
    type(row)._base_manager.filter(pk=row.pk).update(**{row.STATE_FIELD: state, **fields})
    row.refresh_from_db()
    return row


def test_batch():
    city = learning_factory.pune()
    learning_factory.vehicles()
    days = iter(range(1_000))

    def make(state):
        day = learning_factory.DAY - timedelta(days=next(days))
        made = batch.open_batch(city, day, by=city.user)[0]
        digest = batch.manifest(made)[1]
        week = timezone.now() - timedelta(days=8)
        return put_into(made, state, opened_at=week, sha256=digest if state != BatchState.OPEN else "")

    def seal(row):
        batch.seal(row, by=city.user, items=0, sha256=batch.manifest(row)[1])

    table = """
        state       seal        verify      expire    add_items
        open        sealed      open        expired   open
        sealed      sealed      registered  -         -
        registered  registered  registered  -         -
        rejected    rejected    rejected    -         -
        expired     -           expired     -         -
    """
    verbs = {
        "seal": seal,
        "verify": lambda row: verification.verify(row.pk),
        "expire": lambda row: batch.expire(row, by=None),
        "add_items": lambda row: item.add_items(row, [learning_factory.item(f"{row.pk}")], by=city.user),
    }
    walk(table, verbs, make)
    assert set(BatchState) == set(written(MOVES["learning.uploadbatch"]))
    assert UploadBatch.objects.count() == 20


def test_slot():
    city = learning_factory.pune()
    module = learning_factory.vehicles(review_policy={"city_labels": "review"})
    ann = people.ann()
    first = iter(range(0, 10_000, 1))
    days = iter(range(1_000))
    tokens = {}

    def make(state):
        ReviewSlot.objects.filter(state__in=[SlotState.OPEN, SlotState.LEASED]).update(
            state=SlotState.VOID, lease_user=None, lease_until=None
        )
        day = learning_factory.DAY - timedelta(days=next(days))
        sample = learning_factory.delivered(city, 1, day=day, first=next(first))[0]
        lease = review.lease_next(module, by=ann)
        assert lease is not None
        slot = ReviewSlot.objects.get(sample=sample)
        tokens[slot.pk] = lease.token
        kept = {} if state in (SlotState.LEASED, SlotState.DONE) else {"lease_user": None, "lease_until": None}
        return put_into(slot, state, **kept)

    def decide(row, decision):
        review.decide(row.pk, by=ann, lease_token=tokens[row.pk], client_uuid=uuid.uuid4(), decision=decision)

    table = """
        state   renew   release  correct  skip   undo
        held    -       held     held     held   -
        leased  leased  open     done     open   leased
        void    -       void     void     void   -
    """
    verbs = {
        "renew": lambda row: review.renew_lease(row.pk, by=ann, lease_token=tokens[row.pk]),
        "release": lambda row: review.release_lease(row.pk, by=ann, lease_token=tokens[row.pk]),
        "correct": lambda row: decide(row, "correct"),
        "skip": lambda row: decide(row, "skip"),
        "undo": lambda row: review.undo(row.pk, by=ann),
    }
    walk(table, verbs, make)
    done = make(SlotState.LEASED)
    decide(done, "correct")
    review.undo(done.pk, by=ann)
    done.refresh_from_db()
    assert done.state == SlotState.LEASED


def test_erasure():
    ada = people.ada()
    rows = iter(training_factory.samples(ada, 40))

    def make(state):
        made = erasure.draft("samples", {"samples": [next(rows).sample_id]}, by=ada)
        erasure.gather(made.pk)
        return put_into(made, state)

    def leave_out_and_back(row):
        name = row.items.values_list("sample__sample_id", flat=True).get()
        erasure.choose(row, by=ada, chosen={name: False})
        erasure.choose(row, by=ada, chosen={name: True})

    table = """
        state      gather     choose     confirm    run
        draft      draft      draft      confirmed  draft
        confirmed  confirmed  -          -          done
        running    running    -          -          done
        done       done       -          -          done
    """
    verbs = {
        "gather": lambda row: erasure.gather(row.pk),
        "choose": leave_out_and_back,
        "confirm": lambda row: erasure.confirm(row, by=ada, confirmation=erasure.phrase(row)),
        "run": lambda row: erasing.run(row.pk),
    }
    walk(table, verbs, make)
    for state in ("confirmed", "running", "done"):
        assert "Only a draft" in refused(lambda row: erasure.discard(row, by=ada), make(state))
    assert set(ErasureState) == set(written(MOVES["learning.erasure"]))


def test_selection():
    rhea = people.rhea()
    training_factory.samples(people.ada(), 2)

    def make(state):
        return put_into(selection.choose("reopen", by=rhea, query={}), state)

    table = """
        state      begin      run        cancel     count      resume
        draft      running    draft      cancelled  draft      -
        running    -          done       cancelled  running    -
        done       -          done       -          done       -
        failed     -          failed     -          failed     running
        cancelled  -          cancelled  -          cancelled  -
    """
    verbs = {
        "begin": lambda row: selection.begin(row, by=rhea, facts={"reason": "x"}),
        "run": lambda row: selection.run(row.pk),
        "cancel": lambda row: selection.cancel(row, by=rhea),
        "count": lambda row: selection.count(row.pk),
        "resume": lambda row: selection.resume(row, by=rhea),
    }
    walk(table, verbs, make)


def test_dataset():
    ada = people.ada()
    training_factory.samples(ada, 4)
    names = iter(f"set-{number}" for number in range(100))

    def make(state):
        return put_into(dataset.add(by=ada, name=next(names), module=training_factory.module(ada)), state)

    table = """
        state     refresh   revise    archive   create_version
        draft     active    draft     archived  draft
        active    active    active    archived  active
        archived  -         -         archived  -
    """
    verbs = {
        "refresh": lambda row: dataset.refresh(row, by=ada),
        "revise": lambda row: dataset.revise(row, by=ada, description="Other words."),
        "archive": lambda row: dataset.archive(row, by=ada),
        "create_version": lambda row: version.create(row, by=ada, version="v1.0.0"),
    }
    walk(table, verbs, make)
    assert set(DatasetStatus) == {"draft", "active", "archived"}


def test_dataset_version():
    ada = people.ada()
    training_factory.samples(ada, 4)
    names = iter(f"set-{number}" for number in range(100))

    def make(state):
        of = training_factory.dataset_of(ada, name=next(names))
        made = version.create(of, by=ada, version="v1.0.0")
        return put_into(made, state, fingerprint="" if state in (VersionState.DRAFT, VersionState.FREEZING) else "sha256:0")

    def train(row):
        job.create(by=ada, name="j", module=row.dataset.module, dataset_version=row, trainer="mlp_classifier")

    table = """
        state     freeze    archive   train
        draft     draft     -         -
        freezing  frozen    -         -
        frozen    frozen    archived  frozen
        archived  archived  archived  -
    """
    verbs = {"freeze": lambda row: version.freeze(row.pk), "archive": lambda row: version.archive(row, by=ada), "train": train}
    walk(table, verbs, make)


def test_job():
    ada = people.ada()
    training_factory.samples(ada, 10)
    frozen = training_factory.frozen(ada)

    def make(state):
        TrainingJob.objects.all().update(status=JobStatus.CANCELLED)
        return put_into(training_factory.training_job(ada, frozen), state)

    table = """
        state      cancel     claim      sweep
        pending    cancelled  pending    pending
        queued     cancelled  running    queued
        running    running    running    running
        completed  -          completed  completed
        failed     -          failed     failed
        cancelled  cancelled  cancelled  cancelled
    """
    verbs = {
        "cancel": lambda row: job.cancel(row, by=ada),
        "claim": lambda row: run.claim("training.cpu", "worker-1"),
        "sweep": lambda row: job.sweep_queued(),
    }
    walk(table, verbs, make)


def test_run():
    ada = people.ada()
    training_factory.samples(ada, 10)
    frozen = training_factory.frozen(ada)

    def make(state):
        TrainingJob.objects.all().update(status=JobStatus.CANCELLED)
        training_factory.training_job(ada, frozen)
        claimed = run.claim("training.cpu", "worker-1")
        assert claimed is not None
        return put_into(claimed, state)

    table = """
        state      begin    fail       cancelled  give_back
        claimed    running  failed     cancelled  lost
        running    running  failed     cancelled  lost
        succeeded  -        -          -          -
        failed     -        -          -          -
        lost       -        -          -          -
        cancelled  -        -          -          -
    """
    verbs = {
        "begin": run.begin,
        "fail": lambda row: run.fail(row, reason="user_error", message="It broke."),
        "cancelled": run.cancelled,
        "give_back": lambda row: run.give_back(row, message="The worker was told to end."),
    }
    walk(table, verbs, make)
    assert set(RunState) == {"claimed", "running", "succeeded", "failed", "lost", "cancelled"}


def test_model_version():
    ada, bo = people.ada(), people.bo()
    frozen = FrozenVersionFactory()

    def make(state):
        return ModelVersionFactory(status=state, dataset_version=frozen)

    table = """
        state       evaluate    refuse  approve   release   activate  deprecate
        draft       testing     -       -         -         -         deprecated
        testing     testing     draft   approved  -         -         -
        approved    approved    draft   -         released  -         deprecated
        released    released    -       -         -         released  deprecated
        deprecated  -           -       -         -         -         -
    """
    trust.init()
    verbs = {
        "evaluate": lambda row: model_version.evaluate(row, by=ada),
        "refuse": lambda row: model_version.refuse(row, by=bo, reason="It misses buses."),
        "approve": lambda row: model_version.approve(row, by=bo),
        "release": lambda row: model_version.release(row, by=ada),
        "activate": lambda row: model_version.activate(row, by=ada),
        "deprecate": lambda row: model_version.deprecate(row, by=ada, reason="Old."),
    }
    walk(table, verbs, make)
    assert set(ModelStatus) == {"draft", "testing", "approved", "released", "deprecated"}


def test_signing_request():
    trust.init()
    (settings.TRUST_DIR / "keys" / "targets.pem").rename(settings.TRUST_DIR / "elsewhere.pem")
    key = trust.read(settings.TRUST_DIR / "elsewhere.pem")
    put_into(released_version_waiting(), ModelStatus.DRAFT)  # the table makes its own requests

    def make(state):
        SigningRequest.objects.filter(state="open").update(state="superseded")
        TrustDocument.objects.awaiting_signatures().delete()
        released_version_waiting()
        return put_into(trust.opened(), state)

    table = """
        state       sign        ask_more
        open        published   superseded
        published   -           published
        superseded  -           superseded
    """
    verbs = {
        "sign": lambda row: signing.sign_with(key, by=None, signers=trust.at_hand()),
        "ask_more": lambda row: released_version_waiting(),
    }
    walk(table, verbs, make)


def released_version_waiting():
    return model_version.release(ModelVersionFactory(status=ModelStatus.APPROVED), by=people.bo())


@pytest.fixture
def fleet():
    trust.init()
    released = released_version()
    edge = edge_server.add("edge-1", by=people.ada(), organization=people.acme(), modules=[released.module])[0]
    return released, edge


def test_rollout(fleet):
    released, _ = fleet
    ada = people.ada()

    def make(state):
        if state in (RolloutState.DRAFT, RolloutState.SCHEDULED):
            later = rollout.start(released, by=ada, scheduled_at=timezone.now() + timedelta(days=1))
            return put_into(later, state, scheduled_at=timezone.now())
        return put_into(rollout.start(released, by=ada), state)

    table = """
        state         advance       open_next  pause   resume   abort    rollback
        draft         draft         -          -       -        aborted  -
        scheduled     running       -          -       -        aborted  -
        running       running       -          paused  -        aborted  rolled_back
        paused        paused        -          -       running  aborted  rolled_back
        completed     completed     -          -       -        -        rolled_back
        aborted       aborted       -          -       -        -        rolled_back
        rolling_back  rolling_back  -          -       -        -        -
        rolled_back   rolled_back   -          -       -        -        -
    """
    verbs = {
        "advance": lambda row: rollout.advance(row.pk),
        "open_next": lambda row: rollout.open_next(row, by=ada),
        "pause": lambda row: rollout.pause(row, by=ada),
        "resume": lambda row: rollout.resume(row, by=ada),
        "abort": lambda row: rollout.abort(row, by=ada),
        "rollback": lambda row: rollout.rollback(row, by=ada),
    }
    walk(table, verbs, make)
    assert Rollout.objects.count() == 48


def test_deployment(fleet):
    released, edge = fleet
    ada = people.ada()

    def make(state):
        rollout.start(released, by=ada)
        newest = ModelDeployment.objects.latest("created_at", "pk")
        if state in ("downloading", "installing", "completed", "failed"):
            deployment.report(newest, [said(state, seq=1)], by=edge.user)
        elif state == "superseded":
            rollout.start(released, by=ada)
        elif state == "rolled_back":
            deployment.report(newest, [said("completed", seq=1)], by=edge.user)
            rollout.rollback(newest.rollout, by=ada)
        newest.refresh_from_db()
        return newest

    def report(status):
        return lambda row: deployment.report(row, [said(status, seq=2)], by=edge.user)

    table = """
        state        downloading  installing   completed    failed       fetch        retry
        pending      downloading  installing   completed    failed       pending      -
        downloading  downloading  installing   completed    failed       downloading  -
        installing   downloading  installing   completed    failed       installing   -
        completed    completed    completed    completed    completed    completed    -
        failed       failed       failed       failed       failed       failed       pending
        superseded   superseded   superseded   completed    superseded   -            -
        rolled_back  rolled_back  rolled_back  rolled_back  rolled_back  -            -
    """
    verbs = {name: report(name) for name in ("downloading", "installing", "completed", "failed")}
    verbs["fetch"] = lambda row: deployment.download(row, by=edge.user)
    verbs["retry"] = lambda row: deployment.retry(row, by=ada)
    walk(table, verbs, make)
    assert set(DeploymentStatus) == set(written(MOVES["deployments.modeldeployment"]))


def test_collection():
    ada, faces = people.ada(), people_factory.faces_module()

    def make(state):
        return put_into(collection.start(by=ada, domain="d", module=faces, occupation="actor"), state)

    table = """
        state       cancel     resume      collect
        processing  cancelled  -           failed
        completed   -          -           completed
        failed      -          processing  failed
        cancelled   cancelled  processing  cancelled
    """
    verbs = {
        "cancel": lambda row: collection.cancel(row, by=ada),
        "resume": lambda row: collection.resume(row, by=ada),
        "collect": lambda row: collecting.run(row.pk),  # from a Wikidata that cannot be reached
    }
    with override_settings(COLLECTORS={**settings.COLLECTORS, "wikidata_url": "http://127.0.0.1:9/", "nets": []}):
        walk(table, verbs, make)


def test_the_design_names_the_same_states():
    """docs/states.md shows the tables to people; it is written from the models."""
    text = (Path(__file__).parent.parent / "docs" / "states.md").read_text()
    for noun, table in MOVES.items():
        for state, after in written(table).items():
            assert f"| {noun.partition('.')[2]} | {state} | {', '.join(sorted(after)) or '–'} |" in text
