"""The datasets, versions, jobs and models of the hub that `benchmarks._world` writes."""

import json
from typing import TYPE_CHECKING

from benchmarks._rows import bare, digest, part, pick, seed, series

if TYPE_CHECKING:
    from benchmarks._world import Sizes

VERSIONS, OF_A_SMALL_ONE, POINTS, LINES, OUTCOMES = 3, 1_000, 20, 50, 100
SPLIT = "CASE WHEN s.sample_id % 10 < 8 THEN 'train' WHEN s.sample_id % 10 = 8 THEN 'validation' ELSE 'test' END"
SCORES = {"accuracy": 0.9, "precision": 0.9, "recall": 0.9, "f1": 0.9}
BASE = 1_001


def fill(sizes: "Sizes", modules: dict[str, int]) -> None:
    """Write sixty datasets of three frozen versions each, three jobs a model with their runs, and the models with evaluations."""
    from training.models import DatasetMember, TrainingSample

    with bare(TrainingSample, DatasetMember):
        _datasets(sizes, modules)
    _jobs(sizes)
    _models(sizes)
    _scores(sizes)


def dataset_id(of: str) -> str:
    """Answer SQL for the key of a dataset by its number."""
    return f"md5('dataset' || {of})::uuid"


def version_id(of: str, number: str) -> str:
    """Answer SQL for the key of a version by its dataset's number and its own."""
    return f"md5('version' || {of} || '.' || {number})::uuid"


def model_id(of: str) -> str:
    """Answer SQL for the key of a model version by its number."""
    return f"md5('model' || {of})::uuid"


def _datasets(sizes: "Sizes", modules: dict[str, int]) -> None:
    from training.models import DatasetDelta, DatasetMember, DatasetSummary, DatasetVersion, TrainingDataset, TrainingSample

    keys = sorted(modules.values())
    of_module = f"(ARRAY{keys}::bigint[])[1 + (n - 1) % {len(keys)}]"
    owner = "CASE WHEN n % 3 = 2 THEN 1 + n % 20 END"
    seed(TrainingDataset, series(sizes.datasets), id=dataset_id("n"), name="'dataset ' || n", module_id=of_module, status="'active'",
         organization_id=owner, created_by_id=str(BASE), created_at="now()", updated_at="now()")  # fmt: skip
    place = {"is_labeled": "true", "is_verified": "s.id % 4 = 0", "created_at": "now()"}
    large = f"learning_samples AS s WHERE s.module_id = {keys[0]} AND s.state = 'settled' AND NOT s.is_gold"
    seed(TrainingSample, large, dataset_id=dataset_id("1"), sample_id="s.id", **place)
    small = (
        f"generate_series(2, {sizes.datasets}) AS n, LATERAL (SELECT id FROM learning_samples WHERE module_id = {of_module} "
        f"AND state = 'settled' AND NOT is_gold AND id > n * {sizes.samples // 200} ORDER BY id LIMIT {OF_A_SMALL_ONE}) AS s"
    )
    seed(TrainingSample, small, dataset_id=dataset_id("n"), sample_id="s.id", **place)
    counted = "(SELECT dataset_id, count(*) AS c, count(*) FILTER (WHERE is_verified) AS v FROM training_samples GROUP BY dataset_id) AS t"
    seed(DatasetDelta, counted, dataset_id="t.dataset_id", samples="t.c", labeled="t.c", verified="t.v")
    cells = json.dumps([[label, f"city_{city}", "train", 100] for label in ("car", "bus", "truck") for city in range(30)])
    seed(DatasetSummary, counted, dataset_id="t.dataset_id", counted="t.c", bytes="t.c * 50000", cells=f"'{cells}'::jsonb",
         split_of="'v1.2.0'", counted_at="now()")  # fmt: skip
    statistics = {
        "by_split": {"train": 800, "validation": 100, "test": 100},
        "by_class": [[label, split, f"city_{city}", 10] for label in ("car", "bus", "truck") for split in ("train", "test") for city in range(30)],
    }  # fmt: skip
    numbered = f"{series(sizes.datasets)}, generate_series(0, {VERSIONS - 1}) AS v"
    seed(DatasetVersion, numbered, id=version_id("n", "v"), dataset_id=dataset_id("n"), version="'v1.' || v || '.0'", state="'frozen'",
         fingerprint="'sha256:' || md5(n || '.' || v)", sample_count="1000", statistics=f"'{json.dumps(statistics)}'::jsonb",
         is_production=f"v = {VERSIONS - 1}", created_by_id=str(BASE), created_at="now() - interval '30 days' + v * interval '9 days'",
         frozen_at="now()")  # fmt: skip
    held = (
        f"{numbered}, LATERAL (SELECT sample_id FROM training_samples WHERE dataset_id = {dataset_id('n')}) AS s "
        f"WHERE s.sample_id % {VERSIONS + 1} <= v"
    )
    seed(DatasetMember, held, version_id=version_id("n", "v"), sample_id="s.sample_id", split=SPLIT)


def _jobs(sizes: "Sizes") -> None:
    from training.models import MetricPoint, RunLog, TrainingJob, TrainingRun

    jobs = series(sizes.models * 3, f"1 + n % {sizes.datasets} AS d")
    of_set = f"{jobs} JOIN training_datasets AS t ON t.id = {dataset_id('d')}"
    status = f"CASE WHEN n <= 5 THEN 'running' WHEN n <= 15 THEN 'queued' ELSE {pick(['completed'] * 8 + ['failed', 'cancelled'], part(20))} END"
    begun = "now() - n * interval '2 hours'"
    ended = f"CASE WHEN n > 15 THEN {begun} END"
    seed(TrainingJob, of_set.replace(", LATERAL", " CROSS JOIN LATERAL"), id="md5('job' || n)::uuid", name="'job ' || n", module_id="t.module_id", dataset_id="t.id",
         organization_id="t.organization_id", dataset_version_id=version_id("d", f"n % {VERSIONS}"), trainer="'mlp_classifier'",
         status=status, progress_percent="n % 100", current_epoch="5", total_epochs="20", metrics=f"'{json.dumps(SCORES)}'::jsonb",
         hyperparameters="""'{"epochs": 20}'::jsonb""", created_by_id=str(BASE), created_at=begun, started_at=begun, completed_at=ended)  # fmt: skip
    run = "md5('run' || n)::uuid"
    tried = series(sizes.models * 3)
    state = "CASE j.status WHEN 'running' THEN 'running' WHEN 'failed' THEN 'failed' WHEN 'cancelled' THEN 'cancelled' ELSE 'succeeded' END"
    seed(TrainingRun, f"{tried} JOIN training_jobs AS j ON j.id = md5('job' || n)::uuid WHERE j.status <> 'queued'", id=run,
         job_id="j.id", attempt="1", state=state, token="'t'", heartbeat_at="now()", modality="'m'", started_at="j.created_at",
         finished_at="j.completed_at")  # fmt: skip
    ran = f"{tried} JOIN training_runs AS r ON r.id = {run}"
    seed(MetricPoint, f"{ran}, generate_series(1, {POINTS}) AS p, unnest(ARRAY['accuracy', 'loss']) AS name", run_id="r.id", name="name",
         step="p", value="p / 20.0")  # fmt: skip
    seed(RunLog, f"{ran}, generate_series(1, {LINES}) AS p", run_id="r.id", seq="p", at="now()", text="'epoch ' || p")


def _models(sizes: "Sizes") -> None:
    from learning.models import StoredObject
    from training.models import ModelVersion

    seed(StoredObject, series(sizes.models), id="md5('bundle' || n)::uuid", name="md5('bundle' || n) || '.zip'", kind="'bundle'",
         sha256=digest("'bundle' || n"), size="5000000", media_type="'application/zip'", created_at="now()")  # fmt: skip
    drawn = pick(["draft"] * 3 + ["testing"] + ["approved"] + ["released"] * 10 + ["deprecated"] * 5, part(21))
    is_last = f"n > {sizes.models - 8}"
    source = series(
        sizes.models, f"CASE WHEN {is_last} THEN 'released' ELSE {drawn} END AS status", f"1 + n % {sizes.datasets} AS d"
    )
    decided = "s.status IN ('approved', 'released', 'deprecated')"
    at = f"now() - ({sizes.models} - n) * interval '6 hours'"
    measured = dict.fromkeys(("accuracy", "precision_score", "recall_score", "f1_score"), part(22))
    seed(ModelVersion, f"(SELECT n, status, d FROM {source}) AS s JOIN training_jobs AS j ON j.id = md5('job' || (20 + s.n * 2))::uuid",
         id=model_id("n"), organization_id=f"CASE WHEN {is_last} THEN NULL ELSE j.organization_id END",
         module_id=f"CASE WHEN {is_last} THEN (SELECT id FROM ai_modules ORDER BY id OFFSET {sizes.models} - n LIMIT 1) ELSE j.module_id END",
         version="'1.' || n || '.0'", name="'model ' || n", training_job_id="j.id", dataset_version_id="j.dataset_version_id",
         trainer_name="'mlp_classifier'", bundle_id="md5('bundle' || n)::uuid", trained_at=at, created_at=at, status="s.status",
         requested_by_id=str(BASE), approved_by_id=f"CASE WHEN {decided} THEN {BASE + 1} END",
         approved_at=f"CASE WHEN {decided} THEN {at} END", released_at=f"CASE WHEN {decided} AND s.status <> 'approved' THEN {at} END",
         is_active=is_last, base_version_id="NULL", **measured)  # fmt: skip


def _scores(sizes: "Sizes") -> None:
    """Write an evaluation of each model on the test split of its dataset version, and what came of a hundred samples there."""
    from training.models import ModelEvaluation, SampleOutcome

    scored = f"{series(sizes.models)} JOIN ai_model_versions AS m ON m.id = {model_id('n')}"
    done = "md5('evaluation' || n)::uuid"
    seed(ModelEvaluation, scored, id=done, job_id="m.training_job_id", model_version_id="m.id", dataset_version_id="m.dataset_version_id",
         split="'test'", scores=f"'{json.dumps(SCORES)}'::jsonb", outcome_count=str(OUTCOMES), created_at="now()",
         finished_at="now()")  # fmt: skip
    seed(SampleOutcome, f"{scored}, LATERAL (SELECT sample_id FROM dataset_members WHERE version_id = m.dataset_version_id "
         f"ORDER BY sample_id LIMIT {OUTCOMES}) AS s", evaluation_id=done, sample_id="s.sample_id", is_right="s.sample_id % 7 > 0",
         score="0.5", truth="'car'", said="'bus'", confidence="0.8", doubt="CASE WHEN s.sample_id % 20 = 0 THEN 0.5 END")  # fmt: skip
