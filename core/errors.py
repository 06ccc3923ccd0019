"""What a verb may raise, and nothing else: each is one sentence a person understands and one HTTP status."""

from collections.abc import Mapping, Sequence


class Refusal(Exception):
    """A verb said no: `detail` is the sentence, `errors` the sentences per field, `facts` what a client may act on."""

    status = 400
    code = "refused"
    title = "This cannot be done"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Mapping[str, Sequence[str]] | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.errors = dict(errors or {})
        self.facts = dict(facts or {})


class Malformed(Refusal):
    """The request itself makes no sense (400)."""

    code = "malformed"
    title = "The request is malformed"


class Refused(Refusal):
    """This person or machine may not do that (403)."""

    status = 403
    code = "refused"
    title = "Not permitted"


class Missing(Refusal):
    """There is no such thing, or not within reach of who asks (404)."""

    status = 404
    code = "missing"
    title = "Not found"


class Conflict(Refusal):
    """The thing is not in a state in which this can be done (409)."""

    status = 409
    code = "conflict"
    title = "Conflict"


class Invalid(Refusal):
    """The request is understood and its content breaks a rule (422)."""

    status = 422
    code = "invalid"
    title = "Invalid"


class TooMany(Refusal):
    """More than the stated limit, for now (429)."""

    status = 429
    code = "too_many"
    title = "Too many requests"


class Unavailable(Refusal):
    """A part this needs does not answer at the moment; try again (503)."""

    status = 503
    code = "unavailable"
    title = "Not available at the moment"
