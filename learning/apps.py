from django.apps import AppConfig


class LearningConfig(AppConfig):
    """The learning store and the review queue."""

    name = "learning"

    def ready(self) -> None:
        """Let the examples' copies follow their samples' truths, and the images' moments their judgements."""
        import core.lookups  # noqa: F401  (it registers `among`)
        from core.hooks import samples_settled
        from learning.actions import example, retention

        samples_settled.subscribe(example.follow_truth)
        samples_settled.subscribe(retention.follow)
