from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    """Edge servers and rollouts."""

    name = "deployments"

    def ready(self) -> None:
        """Listen for another key that assigns."""
        from core.hooks import assigning_key_changed
        from deployments.assignments import outdate

        assigning_key_changed.subscribe(outdate)
