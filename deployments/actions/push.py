"""Telling an edge at once what it shall run, where it can be called; its poll finds the same thing a little later.

The edge trusts only the signed document; the signed address merely lets it fetch the file. What a site answers is not read.
"""

import orjson

from accounts.actions.event import record
from core import outbound
from core.errors import Unavailable
from deployments.actions.deployment import DOWNLOAD_WINDOW
from deployments.assignments import assignment_for
from deployments.models import EdgeServer, EdgeSlot
from deployments.models.deployment import OPEN

TEMPORARY = frozenset({408, 425, 429})


class NotDelivered(Unavailable):
    """The edge could not be told for now; a later try may get through."""

    code = "not_delivered"


def deliver(edge_id: int, *, attempt: int = 1) -> bool:
    """Post assignment and file addresses to the edge's callback; answers whether it was taken. The outcome is on the record.

    Raises NotDelivered where another try may help. An edge that is gone or has no callback is told nothing.
    """
    edge = EdgeServer.objects.in_service().select_related("organization").filter(pk=edge_id).exclude(callback_url="").first()
    if edge is None:
        return False
    nets = outbound.read_nets(edge.organization.callback_nets if edge.organization else [])
    try:
        status = outbound.post_json(edge.callback_url, _body(edge), nets=nets)
    except outbound.NotCalled as failure:
        return _failed(edge, attempt, str(failure), is_passing=failure.is_passing)
    if 200 <= status < 300:
        record(None, "push", edge, outcome="delivered", attempt=attempt)
        return True
    sentence = f"The edge server answered {status}."
    return _failed(edge, attempt, sentence, is_passing=status >= 500 or status in TEMPORARY)


def _body(edge: EdgeServer) -> bytes:
    """Answer the signed document as it stands, and an address for each file that the edge has not fetched yet."""
    document, _ = assignment_for(edge)
    rows = EdgeSlot.objects.filter(edge_server=edge, held=False, desired_deployment__status__in=OPEN)
    files = []
    for slot in rows.select_related("desired__bundle", "desired__module"):
        version = slot.desired
        if version is None or not version.is_released:
            continue
        signed = version.bundle.signed_get(seconds=DOWNLOAD_WINDOW, filename=version.file_name.rpartition("/")[2])
        named = {"deployment": slot.desired_deployment_id, "path": version.file_name}
        files.append({**named, "url": signed.url, "expires_at": signed.expires_at})
    return orjson.dumps({"edge_server_id": edge.pk, "assignment": orjson.Fragment(document), "files": files})


def _failed(edge: EdgeServer, attempt: int, reason: str, *, is_passing: bool) -> bool:
    """Record what went wrong (no part of any address), and ask for another try where that makes sense."""
    record(None, "push", edge, outcome="failed" if is_passing else "refused", attempt=attempt, reason=reason)
    if is_passing:
        raise NotDelivered(reason)
    return False
