"""Evaluations as a run leaves them: scores, and what came of each sample."""

from tests import people
from training.models import EvaluationMethod, JobKind, ModelEvaluation, SampleOutcome, TrainingJob


def scored(version, frozen, *, wrong=(), method=EvaluationMethod.SPLIT, split="test", accuracy=None, doubts=(), **scores):
    """An evaluation as a run leaves it; `wrong` are the samples it has wrong."""
    job = TrainingJob.objects.create(
        kind=JobKind.EVALUATE,
        name="evaluation",
        module=version.module,
        dataset=frozen.dataset,
        dataset_version=frozen,
        evaluated_version=version,
        trainer="external",
        created_by=people.ada(),
    )
    members = list(frozen.members.filter(split=split).values_list("sample", flat=True))
    told = {"accuracy": 1 - len(wrong) / max(1, len(members)) if accuracy is None else accuracy, "examples": len(members)}
    row = ModelEvaluation.objects.create(
        job=job,
        method=method,
        model_version=version,
        dataset_version=frozen,
        split=split,
        scores=told | scores,
        finished_at=frozen.created_at,
    )
    SampleOutcome.objects.bulk_create(
        SampleOutcome(
            evaluation=row,
            sample_id=key,
            is_right=key not in wrong,
            score=float(key not in wrong),
            truth="1",
            said="2" if key in wrong else "1",
            confidence=0.9,
            doubt=0.5 if key in doubts else None,
        )
        for key in members
    )
    return row
