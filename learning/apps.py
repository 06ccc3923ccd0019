from django.apps import AppConfig


class LearningConfig(AppConfig):
    """The learning store and the review queue."""

    name = "learning"

    def ready(self) -> None:
        """Let the examples' copies follow their samples' truths."""
        from core.hooks import samples_settled
        from learning.actions import example

        samples_settled.subscribe(example.follow_truth)
