"""A hub of some years in one database, written set-wise: what pages are asked about by `python -m benchmarks pages`.

`rows` samples bring as many events, a fifth of them as judgements that wait, a hundredth as edges and a thousandth as models.
Shares are drawn by hashes, so that the same number of rows is the same hub.
"""

from dataclasses import dataclass

from django.db import connection

from benchmarks._rows import bare, digest, part, pick, seed, series

CITIES, CAMERAS, ORGANIZATIONS, ANNOTATORS, A_BATCH, TOLD = 60, 10, 20, 40, 50, 2_000
PEOPLE, CITY_USERS, EDGE_USERS = 1_000, 10_000, 100_000
"""From where on the ids of people, of cities and of edges among the users are."""
MODULES = {
    "vehicles": "detection",
    "plates": "text",
    "persons": "detection",
    "meters": "classification",
    "waste": "detection",
    "helmets": "classification",
    "faces": "classification",
    "gestures": "classification",
}
LABELS = ["car", "bus", "truck", "cycle", "other"]
TRUTH = """('{"label": "' || (ARRAY['car', 'bus', 'truck', 'cycle', 'other'])[1 + n % 5] || '"}')::jsonb"""
BOXES = """('{"boxes": [{"label": "car", "bbox": [10, ' || n % 300 || ', 100, 50]}]}')::jsonb"""
QUALITY_STRETCHES = 25
"""Of how many ten thousands of judgements the quality is counted: they are those of some ten weeks."""
YEAR = "interval '300 days'"


@dataclass(frozen=True)
class Sizes:
    """How many of each there are."""

    samples: int

    @property
    def batches(self) -> int:
        """Batches of fifty samples."""
        return max(1, self.samples // A_BATCH)

    @property
    def waiting(self) -> int:
        """Samples, the newest ones, that wait to be judged."""
        return self.samples // 5

    @property
    def edges(self) -> int:
        """Edge servers."""
        return max(100, self.samples // 100)

    @property
    def models(self) -> int:
        """Model versions."""
        return max(20, self.samples // 1_000)

    @property
    def datasets(self) -> int:
        """Datasets, of which the first is the large one."""
        return 60


def fill(rows: int) -> None:
    """Write the hub, have its counts counted as workers do, and let the planner look at it."""
    from accounts.models import Event
    from benchmarks import _world_fleet, _world_training
    from learning.models import HitlLabel, LearningSample, ReviewSlot, StoredObject

    sizes = Sizes(rows)
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
        cursor.execute("SET maintenance_work_mem TO '512MB'")
    modules = _ground(sizes)
    with bare(LearningSample, StoredObject):
        _samples(sizes, modules)
    with bare(HitlLabel, ReviewSlot, Event):
        _judgements(sizes, modules)
        _log(sizes)
    _people_and_examples(modules)
    _world_training.fill(sizes, modules)
    _world_fleet.fill(sizes, modules)
    few(sizes)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    _count()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _ground(sizes: Sizes) -> dict[str, int]:
    """Make organizations, people, cities, cameras and modules; answers the modules' keys by slug."""
    from accounts.models import Organization, User
    from learning.actions import module
    from learning.models import Camera, City

    seed(
        Organization,
        series(ORGANIZATIONS),
        id="n",
        name="'Organization ' || n",
        slug="'organization-' || n",
        plan="'enterprise'",
    )
    person = {"password": "'!'", "is_active": "true", "created_at": f"now() - {YEAR}"}
    of_some = f"CASE WHEN n % 10 < 7 THEN 1 + n % {ORGANIZATIONS} END"
    roles = {"super_admin": 5, "reviewer": 10, "annotator": ANNOTATORS, "organization_admin": ORGANIZATIONS, "member": 200}
    at = PEOPLE
    for role, count in roles.items():
        owner = f"1 + n % {ORGANIZATIONS}" if role in ("organization_admin", "member") else "NULL"
        name = f"'{role} ' || n"
        seed(User, series(count), id=f"{at} + n", name=name, email=f"replace({name}, ' ', '.') || '@bench.example'",
             role=f"'{role}'", organization_id=owner, **person)  # fmt: skip
        at += 1_000
    machine = {**person, "email": "NULL"}
    seed(User, series(CITIES), id=f"{CITY_USERS} + n", name="'city_' || n", role="'city'", organization_id=of_some, **machine)
    seed(City, series(CITIES), id="100 + n", slug="'city_' || n", name="'City ' || n", organization_id=of_some,
         user_id=f"{CITY_USERS} + n", timezone=pick(["Europe/Belgrade", "Asia/Kolkata", "UTC"], part(1)))  # fmt: skip
    seed(Camera, series(CITIES * CAMERAS), id="md5('camera' || n)::uuid", city_id=f"101 + (n - 1) / {CAMERAS}",
         camera_id="'cam-' || n", last_sample_at="now()")  # fmt: skip
    made = [
        module.add(
            slug,
            by=None,
            name=slug.title(),
            task=task,
            text={"pattern": "[A-Z0-9]+"} if task == "text" else None,
            labels=[] if task == "text" else LABELS,
        )
        for slug, task in MODULES.items()
    ]
    return {each.slug: each.pk for each in made}


def _samples(sizes: Sizes, modules: dict[str, int]) -> None:
    """Write batches, what was not taken of them, objects, and samples: of each module a share, the first ones the most."""
    from learning.models import LearningSample, StoredObject, UploadBatch, UploadRejection

    days = sizes.batches // CITIES
    day = f"(current_date - {days} + (b / {CITIES})::int)"
    seed(UploadBatch, series(sizes.batches, "n - 1 AS b"), id=f"'batch_city_' || 1 + b % {CITIES} || '_' || b",
         city_id=f"101 + b % {CITIES}", day=day, state=f"CASE WHEN n > {sizes.batches - CITIES} THEN 'sealed' ELSE 'registered' END",
         item_count=str(A_BATCH), verified_count=str(A_BATCH), opened_at=day, sealed_at=day, finished_at=day)  # fmt: skip
    seed(UploadRejection, series(sizes.batches, "n - 1 AS b"), batch_id=f"'batch_city_' || 1 + b % {CITIES} || '_' || b",
         event_id="'refused-' || n", reason=pick(["not_an_image", "duplicate", "low_quality"], part(2)), detail="'Refused.'",
         created_at=day)  # fmt: skip
    key = "md5('object' || n)"
    seed(StoredObject, series(sizes.samples), id=f"{key}::uuid", name=f"{key} || '.jpg'", kind="'image'", sha256=digest("n::text"),
         size="40000 + n % 20000", media_type="'image/jpeg'", width="640", height="480", created_at="now()", verified_at="now()",
         phash="n::bigint * 7919")  # fmt: skip
    at = f"{day} + (n % 86400) * interval '1 second'"
    judged = f"n <= {sizes.samples - sizes.waiting}"
    drawn = pick(["settled"] * 94 + ["excluded"] * 5 + ["disputed"], part(3))
    truth = f"CASE WHEN {judged} THEN {TRUTH} END"
    kept = f"CASE WHEN n % 50 = 0 THEN NULL ELSE {key}::uuid END"
    common = sorted(modules.values())
    seed(LearningSample, series(sizes.samples, f"(n - 1) / {A_BATCH} AS b"),
         id="n", sample_id="'sample-' || n", event_id="'event-' || n", group_key="'event-' || n / 3",
         module_id=pick(common, f"power({part(4)}, 2)", "bigint"), city_id=f"101 + b % {CITIES}",
         camera_id=f"md5('camera' || (b % {CITIES}) * {CAMERAS} + 1 + n % {CAMERAS})::uuid",
         batch_id=f"'batch_city_' || 1 + b % {CITIES} || '_' || b", object_id=kept, captured_at=at, received_at=at,
         state=f"CASE WHEN {judged} THEN {drawn} WHEN n > {sizes.samples - A_BATCH * CITIES} THEN 'received' ELSE 'pending' END",
         label_status=f"CASE WHEN {judged} THEN {pick(['correct'] * 8 + ['changed', 'unsure'], part(5))} ELSE '' END",
         source_label_status="'correct'", prediction=f"CASE WHEN n % 2 = 0 THEN {TRUTH} ELSE {BOXES} END",
         predicted_by="""'{"model": "net", "version": "1.0.0"}'::jsonb""", truth=truth,
         truth_sha256=f"CASE WHEN {judged} THEN {digest('n::text')} ELSE '' END", confidence=part(6),
         image_quality_score=part(7), priority="n % 100", is_gold=f"{judged} AND n % 4000 = 0")  # fmt: skip


def _judgements(sizes: Sizes, modules: dict[str, int]) -> None:
    """Write what cities and people said of the judged samples, the slots of it, and those that wait; some are gold."""
    from learning.models import GoldAnswer, GoldShowing, HitlLabel, ReviewSlot

    judged = sizes.samples - sizes.waiting
    of_sample = f"learning_samples AS s, LATERAL (SELECT s.id AS n) AS of_n WHERE s.id <= {judged}"
    person = f"{PEOPLE} + 2001 + floor({part(8)} * {ANNOTATORS})::int"
    by_people = "(n % 10 < 4)"
    seed(HitlLabel, of_sample, id="n", label_id="'label-' || n", sample_id="s.id", city_id="s.city_id", label_status="s.label_status",
         decision="CASE s.label_status WHEN 'changed' THEN 'change' ELSE s.label_status END", prediction="s.prediction",
         correction="CASE WHEN s.label_status = 'changed' THEN s.truth END", labeled_at="s.received_at + interval '3 hours'",
         annotator_id=f"CASE WHEN {by_people} THEN {person} END", operator_id=f"CASE WHEN {by_people} THEN '' ELSE 'op-' || n % 30 END",
         label_source=f"CASE WHEN s.is_gold THEN 'gold' WHEN {by_people} THEN 'review' ELSE 'correction' END",
         review_time_seconds="2 + n % 30", reason="CASE WHEN s.label_status = 'unsure' AND n % 9 = 0 THEN 'guide_unclear' ELSE '' END",
         is_disputed="s.state = 'disputed'", created_at="s.received_at + interval '3 hours'")  # fmt: skip
    slot = {"sample_id": "s.id", "module_id": "s.module_id", "priority": "s.priority", "created_at": "s.received_at"}
    done = {"state": "'done'", "lease_user_id": "l.annotator_id", "lease_until": "l.labeled_at", "leased_at": "l.labeled_at"}
    said = "learning_samples AS s JOIN hitl_labels AS l ON l.sample_id = s.id"
    judge = "s.module_id || ':judge'"
    seed(ReviewSlot, f"{said} WHERE l.annotator_id IS NOT NULL", slot_no="1", queue_key=judge, label_id="l.id",
         kind="CASE WHEN s.is_gold THEN 'gold' ELSE 'normal' END", judged_by="''", **slot, **done)  # fmt: skip
    looked = f"{said} WHERE l.annotator_id IS NOT NULL AND l.id % 100 = 1"
    seed(ReviewSlot, looked, slot_no="2", queue_key="s.module_id || ':check'", kind="'check'", judged_by="l.annotator_id::text",
         about_id="l.id", outcome=pick(["accepted"] * 8 + ["fixed", "returned"], part(9, "l.id")), **slot,
         **{**done, "lease_user_id": f"{PEOPLE} + 1001 + l.id % 10"})  # fmt: skip
    waits = {"state": "'open'", "judged_by": "l.annotator_id::text"}
    seed(ReviewSlot, f"{said} WHERE l.annotator_id IS NOT NULL AND l.id % 100 = 3", slot_no="2", about_id="l.id",
         queue_key="s.module_id || ':check'", kind="'check'", **slot, **waits)  # fmt: skip
    seed(ReviewSlot, f"{said} WHERE l.annotator_id IS NOT NULL AND l.id % 500 = 11", slot_no="2", about_id="l.id",
         queue_key="s.module_id || ':returned'", kind="'rework'", only_user_id="l.annotator_id", note="'Look again.'",
         **slot, **waits)  # fmt: skip
    seed(ReviewSlot, f"{said} WHERE s.state = 'disputed'", slot_no="3", queue_key="s.module_id || ':dispute'", kind="'senior'",
         **slot, state="'open'", judged_by="coalesce(l.annotator_id::text, '')")  # fmt: skip
    seed(ReviewSlot, "learning_samples AS s WHERE s.state = 'pending'", slot_no="1", queue_key=judge, kind="'normal'", **slot,
         state="'open'", judged_by="''")  # fmt: skip
    seed(GoldAnswer, "learning_samples AS s WHERE s.is_gold", sample_id="s.id", module_id="s.module_id", truth="s.truth",
         truth_sha256="s.truth_sha256", category="'car'", showings="40", right_answers="35", promoted_by_id=str(PEOPLE + 1_001),
         promoted_at="s.received_at")  # fmt: skip
    seed(GoldShowing, "gold_answers AS g JOIN hitl_labels AS l ON l.sample_id = g.sample_id WHERE l.annotator_id IS NOT NULL",
         gold_id="g.id", module_id="g.module_id", user_id="l.annotator_id", label_id="l.id", is_right="l.id % 8 > 0",
         answered_at="l.labeled_at")  # fmt: skip


def _log(sizes: Sizes) -> None:
    """Write the audit log and its seals, and what people were told of it: the first super admin of most."""
    from accounts.models import Event, EventSeal, Notification

    verbs = ["decide", "decide", "decide", "add_items", "seal", "report", "log_in", "revise"]
    kinds = ["learning.learningsample"] * 3 + ["learning.uploadbatch"] * 2
    kinds += ["deployments.edgeserver", "accounts.user", "learning.aimodule"]
    told = min(sizes.samples, TOLD)
    is_told = f"n > {sizes.samples - told}"
    begun = f"now() - {YEAR} + n * ({YEAR} / {sizes.samples})"
    about = f"md5('model' || 1 + n % {sizes.models})::uuid::text"
    seed(Event, series(sizes.samples, f"{part(10)} AS drawn"), at=begun, facts="""'{"items": 50}'::jsonb""",
         verb=f"CASE WHEN {is_told} THEN 'approve' ELSE {pick(verbs, 'drawn')} END",
         object_type=f"CASE WHEN {is_told} THEN 'training.modelversion' ELSE {pick(kinds, 'drawn')} END",
         object_id=f"CASE WHEN {is_told} THEN {about} ELSE (1 + n % {sizes.samples})::text END",
         actor_id=f"{PEOPLE} + 2001 + n % {ANNOTATORS}", actor_name=f"'annotator ' || 1 + n % {ANNOTATORS}",
         organization_id=f"CASE WHEN n % 3 = 0 THEN 1 + n % {ORGANIZATIONS} END")  # fmt: skip
    seed(EventSeal, f"generate_series(1, {max(1, sizes.samples // 1_000)}) AS n", last_event="n * 1000", events="1000",
         sha256=digest("n::text"), opened_at=begun, sealed_at=begun)  # fmt: skip
    newest = f"(SELECT id FROM events ORDER BY id DESC LIMIT {told}) AS e"
    for each, unread in ((PEOPLE + 1, 2), (PEOPLE + 1_001, 50), (PEOPLE + 2_001, 50)):
        seed(Notification, newest, user_id=str(each), event_id="e.id", topic="'model.approved'",
             read_at=f"CASE WHEN e.id % {unread} = 0 THEN NULL ELSE now() END")  # fmt: skip


def _people_and_examples(modules: dict[str, int]) -> None:
    """Write people with ten images each, of the samples of `faces`, and examples of users, of those of `gestures`."""
    from learning.models import CollectionSession, Image, Person, TrainingExample

    seed(CollectionSession, series(30), session_id="'session_' || n", domain="'actors'", module_id=str(modules["faces"]),
         status="'completed'", total_people="100", people_completed="100", started_at=f"now() - {YEAR}")  # fmt: skip
    faces = (
        f"(SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM learning_samples WHERE module_id = {modules['faces']}) AS s"
    )
    seed(Person, f"{faces} WHERE s.n % 10 = 0", id="1 + s.n / 10", domain="'actors'", full_name="'Person ' || s.n",
         normalized_name="'person_' || s.n", folder_path="'actors/person_' || s.n", total_images="10", trainable="true",
         consent="s.n % 3 = 0", status=pick(["pending", "in_training", "completed", "deployed"], part(12, "s.n")),
         country=pick(["Serbia", "India", "Norway"], part(13, "s.n")), occupation="'actor'",
         session_id="(SELECT min(id) FROM training_sessions) + s.n % 30")  # fmt: skip
    seed(Image, faces, person_id="1 + s.n / 10", sample_id="s.id", filename="s.n || '.jpg'", file_path="'actors/' || s.n",
         sha256=digest("s.n::text"), source=pick(["wikimedia_p18", "wikimedia_category", "serp"], part(14, "s.n")),
         licence="'CC BY-SA 4.0'", is_validated="s.n % 9 > 0", file_size="50000")  # fmt: skip
    shown = f"learning_samples AS s WHERE s.module_id = {modules['gestures']}"
    seed(TrainingExample, shown, sample_id="s.id", user_id="'user-' || s.id % 500", modality="'gestures'", label="'wave'",
         timestamp="s.captured_at", features_hash=digest("s.id::text"), encoding="'landmarks'", dims="63",
         consent_given="s.id % 4 > 0", session_id="'session-' || s.id % 900")  # fmt: skip


def few(sizes: Sizes) -> None:
    """Write what there is less of: webhooks with their deliveries, erasures with what they found, acts over samples, retention."""
    from accounts.models import Webhook, WebhookDelivery
    from learning.models import Erasure, ErasureItem, LifecycleRun, Selection

    by = str(PEOPLE + 1)
    seed(Webhook, series(5), id="md5('hook' || n)::uuid", name="'hook ' || n", url="'https://hooks.example/' || n", salt="md5(n::text)",
         topics="""'["model.approved"]'::jsonb""", created_by_id=by, created_at="now()")  # fmt: skip
    told = f"(SELECT id FROM events ORDER BY id DESC LIMIT {min(sizes.samples, TOLD)}) AS e, {series(5)}"
    seed(WebhookDelivery, told, webhook_id="md5('hook' || n)::uuid", event_id="e.id", topic="'model.approved'", created_at="now()",
         tries="1", due_at="NULL", delivered_at="CASE WHEN e.id % 9 > 0 THEN now() END", status="200")  # fmt: skip
    seed(Erasure, series(50), id="md5('erasure' || n)::uuid", kind="'plate'", subject_sha256=digest("n::text"), reference="'case ' || n",
         state="CASE WHEN n < 5 THEN 'draft' ELSE 'done' END", requested_by_id=by, requested_at="now()",
         due_at="now() + interval '20 days'", gathered_at="now()", finished_at="CASE WHEN n < 5 THEN NULL ELSE now() END")  # fmt: skip
    seed(
        ErasureItem,
        f"{series(50)}, generate_series(1, {min(sizes.samples, 500)}) AS s",
        erasure_id="md5('erasure' || n)::uuid",
        sample_id="s",
    )
    seed(Selection, series(200), id="md5('selection' || n)::uuid", owner_id=by, act="'exclude'", newest=str(sizes.samples), total="500",
         state="'done'", seen="500", changed="500", created_at="now()")  # fmt: skip
    seed(LifecycleRun, series(300), started_at="now()", finished_at="now()")


def _count() -> None:
    """Have the counts that pages read counted as workers do; of the judgements the newest, which is what pages show first."""
    from learning.actions import quality, summary
    from learning.models import HitlLabel
    from learning.models.quality import STRETCH

    summary.refresh()
    summary.count_storage()
    last = HitlLabel.objects.latest("pk").pk // STRETCH
    for number in range(max(0, last - QUALITY_STRETCHES), last + 1):
        quality.refresh_stretch(number)
