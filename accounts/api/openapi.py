"""What the OpenAPI document says of keys, and of the hot endpoints, which are plain function views."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.response import Response

View = TypeVar("View", bound=Callable[..., Any])


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # it registers itself on definition
    """A key in the Authorization header."""

    target_class = "accounts.api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "cc_<prefix>_<secret>"}


class PersonScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """The cookie of a browser's session."""

    target_class = "accounts.api.authentication.PersonAuthentication"


def described(method: str, *, also: Mapping[str, Mapping[str, Any]] | None = None, **schema: Any) -> Callable[[View], View]:
    """Show a plain function view in the OpenAPI document as extend_schema would; it is called as before.

    `also` is what it says of further methods.
    """
    of_all = {method: schema, **(also or {})}

    def decorate(view: View) -> View:
        def shown(request: Any) -> Response:  # never called: drf-spectacular reads its class
            raise NotImplementedError

        shown.__name__, shown.__doc__ = view.__name__, view.__doc__
        drawn: Any = api_view(list(of_all))(shown)
        for name, said in of_all.items():
            drawn = extend_schema(methods=[name], **said)(drawn)
        vars(view).update(cls=drawn.cls, initkwargs={})
        return view

    return decorate
