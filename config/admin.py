"""The pages of upkeep, each app's own."""

from accounts import admin as _accounts
from core.upkeep import site
from deployments import admin as _deployments
from learning import admin as _learning
from training import admin as _training

__all__ = ["_accounts", "_deployments", "_learning", "_training", "site"]
