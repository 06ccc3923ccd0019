from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """Datasets, jobs and the model registry."""

    name = "training"

    def ready(self) -> None:
        """Follow what the learning store announces."""
        from core.hooks import samples_settled
        from training.actions import dataset

        samples_settled.subscribe(dataset.follow_truth)
