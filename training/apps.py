from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """Datasets, jobs and the model registry."""

    name = "training"

    def ready(self) -> None:
        """Follow what the learning store announces, and offer what is done with many of its samples."""
        from core.hooks import erasure_impact, objects_gone, samples_settled
        from learning import acts
        from training.actions import dataset, erasure, truth_change
        from training.curation import ADD_TO_DATASET

        acts.register(ADD_TO_DATASET)
        samples_settled.subscribe(dataset.follow_truth)
        samples_settled.subscribe(truth_change.note)
        erasure_impact.subscribe(erasure.impact)
        objects_gone.subscribe(erasure.mark)
