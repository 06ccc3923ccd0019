"""The page of the hub itself: what `manage.py doctor` says, for whoever looks after it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.policy import Permission, require
from config import doctor, waiting

LOOKS = {doctor.OK: "in_order", doctor.NOTE: "note", doctor.FAIL: "wrong"}


@require_safe
def system(request: HttpRequest) -> HttpResponse:
    """Show what is configured, what answers and what is wrong, the wrong first."""
    require(request.user, Permission.MANAGE_STORE)
    found = sorted(doctor.examine(), key=lambda line: line.verdict == doctor.OK)
    rows = [{"line": line, "state": LOOKS[line.verdict]} for line in found]
    wrong = sum(line.verdict == doctor.FAIL for line in found)
    facts = {"rows": rows, "wrong": wrong, "waiting": waiting.rows(), "runs": waiting.runs()}
    return render(request, "system.html", facts)
