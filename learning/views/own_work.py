"""The page of one's own work: nobody sees another person's here."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.policy import Permission, require
from core.csv_rows import csv_response
from learning import own_work


@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Show the own weeks, how doubtful answers ended, and the last decisions."""
    user = _judge(request)
    facts = {
        "figures": own_work.figures_of(user),
        "weeks": own_work.weeks_of(user),
        "ended": own_work.ended(user),
        "last": own_work.last_decisions(user),
    }
    return render(request, "learning/own_work.html", facts)


@require_safe
def mine_csv(request: HttpRequest) -> HttpResponseBase:
    """Send the own days as CSV: counts and active time."""
    return csv_response(own_work.table(_judge(request)), "own-work.csv")


def _judge(request: HttpRequest) -> User:
    require(request.user, Permission.ANNOTATE)
    assert isinstance(request.user, User)
    return request.user
