"""`check`: who a key speaks for, and a way to find out whether the store can be reached. For `cc-edge check`; it changes nothing."""

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import KeyAuthentication
from accounts.api.authorise import speaker
from core.storage import new_name, store

PROBE_SECONDS = 60


class Check(APIView):
    """Open to whoever holds a key, whatever it may do."""

    authentication_classes = [KeyAuthentication]
    permission_classes = [IsAuthenticated]

    @extend_schema(responses=dict)
    def get(self, request: Request) -> Response:
        """Answer the key's holder, and a signed address of an object that does not exist: a 404 from the store shows it is reached."""
        who = speaker(request)
        probe = store().presign_get(new_name("image/png"), seconds=PROBE_SECONDS)
        return Response({"name": who.name, "role": who.role, "store_probe": probe.url})
