"""What is answered where no view could: problem+json under /api/, a page elsewhere."""

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from core.errors import Malformed, Missing, Refusal
from core.problems import problem_response


class Broken(Refusal):
    """A fault of ours, which stands in the log."""

    status = 500
    code = "broken"
    title = "Something broke on our side"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses to read."""
    if not _of_the_api(request):
        return defaults.bad_request(request, exception)
    return problem_response(Malformed("The request cannot be read: too many fields or files, or a host that is not ours."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for an address that nothing is at."""
    if not _of_the_api(request):
        return defaults.page_not_found(request, exception)
    return problem_response(Missing("There is nothing here."))


def broken(request: HttpRequest) -> HttpResponse:
    """Answer when a view failed; what it was stands in the log, under the request's id."""
    if not _of_the_api(request):
        return defaults.server_error(request)
    return problem_response(Broken("It was written to the log. Nothing that was acknowledged is lost; try again later."))


def _of_the_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")
