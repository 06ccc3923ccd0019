"""The verb on release gates: a module's rules are replaced as a whole, and the audit log keeps both."""

from typing import Any

from django.db import transaction

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from learning.models import AiModule
from training import gate


@transaction.atomic
def set_rules(module: AiModule, *, by: User, rules: Any) -> AiModule:
    """Let only what these rules say be approved without a reason; raises Invalid. What was approved stays so."""
    require(by, Permission.MANAGE_MODULES)
    kept = gate.check(rules)
    module.refresh_from_db(from_queryset=AiModule.objects.select_for_update())
    if kept != module.release_gate:
        before = module.release_gate
        AiModule.objects.filter(pk=module.pk).update(release_gate=kept)
        module.release_gate = kept
        record(by, "set_gate", module, before=before, after=kept)
    return module
