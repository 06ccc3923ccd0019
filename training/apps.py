from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """Datasets, jobs and the model registry."""

    name = "training"

    def ready(self) -> None:
        """Follow what the learning store announces."""
        from core.hooks import erasure_impact, objects_gone, samples_settled
        from training.actions import dataset, erasure

        samples_settled.subscribe(dataset.follow_truth)
        erasure_impact.subscribe(erasure.impact)
        objects_gone.subscribe(erasure.mark)
