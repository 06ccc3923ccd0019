"""What workers do for the learning store."""

from celery import shared_task
from django.utils import timezone

from learning.actions import (
    access_export,
    batch,
    collecting,
    discarding,
    erasing,
    erasure,
    gold,
    label_use,
    lifecycle,
    priority,
    quality,
    reminding,
    retention,
    reweighing,
    summary,
)
from learning.actions import selection as selections
from learning.actions import store as object_store
from learning.models import AiModule, BatchState, Erasure, SchemaPart, Selection, UploadBatch

EXPIRED_AT_ONCE = 20


@shared_task(name="learning.tasks.verify_batch")
def verify_batch(batch_id: str) -> None:
    """Verify what of one sealed batch nobody else has in hand."""
    batch.verify(batch_id)


@shared_task(name="learning.tasks.sweep_sealed")
def sweep_sealed() -> None:
    """Verify sealed batches whose message was lost or whose worker died, and give up those nobody sealed."""
    for batch_id in list(UploadBatch.objects.sealed().order_by("sealed_at").values_list("pk", flat=True)):
        batch.verify(batch_id)
    overdue = UploadBatch.objects.filter(state=BatchState.OPEN, opened_at__lt=timezone.now() - batch.UNSEALED_FOR)
    for unsealed in overdue[:EXPIRED_AT_ONCE]:
        discarding.remove_discarded(batch.expire(unsealed, by=None))
    discarding.sweep_discarded()


@shared_task(name="learning.tasks.inspect_store")
def inspect_store() -> None:
    """Prove the store anew and compare it with our rows; nothing is removed."""
    object_store.check(by=None)
    object_store.reconcile(by=None)


@shared_task(name="learning.tasks.gather_erasure")
def gather_erasure(erasure_id: str) -> None:
    """Look for the candidates of one erasure."""
    erasure.gather(erasure_id)


@shared_task(name="learning.tasks.run_erasure")
def run_erasure(erasure_id: str) -> None:
    """Carry out one confirmed erasure as far as it goes."""
    erasing.run(erasure_id)


@shared_task(name="learning.tasks.build_export")
def build_export(export_id: str) -> None:
    """Make the file of one access export."""
    access_export.build(export_id)


@shared_task(name="learning.tasks.sweep_erasures")
def sweep_erasures() -> None:
    """Go on with erasures and access exports that a lost message or a killed worker left, or that waited for something."""
    for pk in list(Erasure.objects.to_gather().values_list("pk", flat=True)):
        erasure.gather(pk)
    for pk in list(Erasure.objects.to_run().values_list("pk", flat=True)):
        erasing.run(pk)
    for pk in access_export.unbuilt():
        access_export.build(pk)


@shared_task(name="learning.tasks.keep_retention")
def keep_retention() -> None:
    """Do what the retention rules make due."""
    lifecycle.run(by=None)


@shared_task(name="learning.tasks.stamp_module")
def stamp_module(module_id: int) -> None:
    """Put a module's new retention rules on its objects."""
    retention.stamp_module(AiModule.objects.get(pk=module_id))


@shared_task(name="learning.tasks.run_collection")
def run_collection(session_id: int) -> None:
    """Collect the images of one collection's people."""
    collecting.run(session_id)


@shared_task(name="learning.tasks.sweep_collections")
def sweep_collections() -> None:
    """Go on with collections whose message was lost or whose worker died."""
    for session_id in collecting.sweep():
        collecting.run(session_id)


@shared_task(name="learning.tasks.count_selection")
def count_selection(selection_id: str) -> None:
    """Count what one draft of a selection holds."""
    selections.count(selection_id)


@shared_task(name="learning.tasks.run_selection")
def run_selection(selection_id: str) -> None:
    """Carry out one selection's act to its end."""
    selections.run(selection_id)


@shared_task(name="learning.tasks.sweep_selections")
def sweep_selections() -> None:
    """Go on with selections that a lost message or a killed worker left, and forget drafts that nobody confirmed."""
    for pk in list(Selection.objects.uncounted().order_by("created_at").values_list("pk", flat=True)):
        selections.count(pk)
    for pk in list(Selection.objects.running().order_by("created_at").values_list("pk", flat=True)):
        selections.run(pk)
    selections.forget_drafts()


@shared_task(name="learning.tasks.count_days")
def count_days() -> None:
    """Count anew what came in, was said and was rejected."""
    summary.refresh()


@shared_task(name="learning.tasks.count_storage")
def count_storage() -> None:
    """Count what the store holds today."""
    summary.count_storage()


@shared_task(name="learning.tasks.count_quality")
def count_quality() -> None:
    """Count anew how well was judged and predicted where something changed."""
    quality.refresh()


@shared_task(name="learning.tasks.weigh_gold")
def weigh_gold() -> None:
    """Pause those whose gold score is too low."""
    gold.pause_weak()


@shared_task(name="learning.tasks.order_queues")
def order_queues() -> None:
    """Bring the order of what waits up to date."""
    priority.refresh()


@shared_task(name="learning.tasks.weigh_module")
def weigh_module(module_id: int) -> None:
    """Settle what a module's changed policy made complete."""
    reweighing.weigh_module(module_id)


@shared_task(name="learning.tasks.look_for_use")
def look_for_use(module_id: int, part: str, number: int) -> None:
    """Look whether anybody ever said a label or an attribute that somebody would take out of a schema."""
    label_use.look_on(AiModule.objects.get(pk=module_id), SchemaPart(part), number)


@shared_task(name="learning.tasks.remind")
def remind() -> None:
    """Say once of each city that is overdue, and of each erasure that is nearly due or late."""
    reminding.remind()
