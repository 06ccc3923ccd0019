from django.apps import AppConfig


class LearningConfig(AppConfig):
    """The learning store and the review queue."""

    name = "learning"

    def ready(self) -> None:
        """Let the examples' copies follow their samples' truths, and the images' moments their judgements; offer what curators do."""
        import core.lookups  # noqa: F401  (it registers `among`)
        from core.hooks import samples_settled
        from learning import acts
        from learning.actions import example, gold, retention
        from learning.curation import CURATING

        for act in CURATING:
            acts.register(act)
        samples_settled.subscribe(example.follow_truth)
        samples_settled.subscribe(retention.follow)
        samples_settled.subscribe(gold.follow_truth)
