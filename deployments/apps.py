from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    """Edge servers and rollouts."""

    name = "deployments"
