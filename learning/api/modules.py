"""`learning/modules`: modules, the revisions of their schemas and the versions of their review policies."""

from collections.abc import Mapping
from typing import Any

from django.db.models import OuterRef, Subquery
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import speaker
from accounts.policy import Permission, is_allowed
from core.errors import Malformed
from core.pages import found
from core.paging import keyset_page, page_size
from learning import policy_effects, schema_files
from learning.actions import label_schema, module, policy
from learning.api.wire import module_document
from learning.models import AiModule, LabelSchema, PolicyVersion
from learning.schema_changes import Change

NEW = {
    "slug", "name", "task", "labels", "attributes", "text", "reasons", "reject_reasons", "guide", "note",
    "review_policy", "accepts_unlabelled", "min_quality", "encoding", "dims",
}  # fmt: skip
SETTINGS = {"name", "accepts_unlabelled", "min_quality"}
REVISION = {"based_on", "note", "dry_run", *LabelSchema.CONTENT}


class _Modules(APIView):
    """Read by whoever uploads, annotates or looks: all need the schema. Written by admins."""

    @property
    def permission(self) -> Permission:
        """Answer what this request needs."""
        if self.request.method not in {"GET", "HEAD", "OPTIONS"}:
            return Permission.MANAGE_MODULES
        needed = (Permission.UPLOAD_BATCH, Permission.ANNOTATE, Permission.VIEW_STORE)
        return next((permission for permission in needed if is_allowed(self.request.user, permission)), needed[-1])


class Modules(_Modules):
    """The modules, each with its newest schema."""

    @extend_schema(parameters=[OpenApiParameter("cursor"), OpenApiParameter("page_size")], responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page of them by slug."""
        asked = request.query_params
        rows, size = AiModule.objects.visible_to(speaker(request)), page_size(asked.get("page_size"))
        page = keyset_page(rows, order="slug", cursor=asked.get("cursor", ""), size=size)
        of_each = LabelSchema.objects.filter(module=OuterRef("module")).order_by("-revision").values("pk")[:1]
        schemas = LabelSchema.objects.filter(module__in=[row.pk for row in page.results], pk=Subquery(of_each))
        newest = {schema.module_id: schema for schema in schemas.select_related("module")}
        return Response({"results": [module_document(row, newest.get(row.pk)) for row in page.results], "next": page.next})

    @extend_schema(request=dict, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Make one."""
        given = _body(request, NEW)
        for name in ("slug", "task"):
            if not isinstance(given.get(name), str):
                raise Malformed(f"A module has a {name}, which is text.")
        given.setdefault("name", "")
        made = module.add(given.pop("slug"), by=speaker(request), **given)
        return Response(module_document(made, made.schema), status=201)


class Module(_Modules):
    """One module."""

    @extend_schema(responses=dict)
    def get(self, request: Request, name: str) -> Response:
        """Answer it with its newest schema."""
        shown = _found(request, name)
        return Response(module_document(shown, shown.schema))

    @extend_schema(request=dict, responses=dict)
    def patch(self, request: Request, name: str) -> Response:
        """Change what it is called and takes."""
        shown = _found(request, name)
        row = module.revise(shown, by=speaker(request), **_body(request, SETTINGS))
        return Response(module_document(row, row.schema))


class Schemas(_Modules):
    """The revisions of a module's schema."""

    @extend_schema(operation_id="learning_module_schemas_list", responses=dict)
    def get(self, request: Request, name: str) -> Response:
        """Answer a page of them, newest first."""
        rows = LabelSchema.objects.filter(module=_found(request, name)).select_related("module")
        query = request.query_params
        page = keyset_page(rows, order="-revision", cursor=query.get("cursor", ""), size=page_size(query.get("page_size")))
        return Response({"results": [schema_document(row) for row in page.results], "next": page.next})

    @extend_schema(request=dict, responses={200: dict, 201: dict})
    def post(self, request: Request, name: str) -> Response:
        """Make the next one (201) from the parts that are named; the same content again is answered as it is (200).

        With dry_run nothing is kept: the answer says what would change.
        """
        shown, given = _found(request, name), _body(request, REVISION)
        based_on, note = given.pop("based_on", None), given.pop("note", "")
        if isinstance(based_on, bool) or not isinstance(based_on, int):
            raise Malformed("based_on is the number of the revision that was read.")
        if given.pop("dry_run", False) is True:
            content, changes = label_schema.preview(shown, **given)
            return Response({**content, "changes": [_change_document(change) for change in changes]})
        newest = shown.schema.revision
        saved = label_schema.revise(shown, by=speaker(request), based_on=based_on, note=note, **given)
        return Response(schema_document(saved), status=201 if saved.revision > newest else 200)


class SchemaOfFile(_Modules):
    """What a file of another tool holds."""

    parser_classes = (MultiPartParser,)

    @extend_schema(request={"multipart/form-data": dict}, responses=dict)
    def post(self, request: Request) -> Response:
        """Read the file (multipart, field `file`) and answer labels, attributes, task and what was left out; keeps nothing."""
        upload = request.FILES.get("file")
        if upload is None or upload.size is None or upload.size > schema_files.MAX_BYTES:
            raise Malformed("Send one file of at most 64 MB, in the field file.")
        draft = schema_files.read(upload.read(), upload.name or "")
        parts = ("origin", "task", "labels", "attributes", "notes")
        return Response({part: getattr(draft, part) for part in parts})


class Policy(APIView):
    """The review policy of a module."""

    @property
    def permission(self) -> Permission:
        """Reviewers see how is judged; admins change it."""
        return Permission.ADJUDICATE if self.request.method in {"GET", "HEAD", "OPTIONS"} else Permission.MANAGE_MODULES

    @extend_schema(responses=dict)
    def get(self, request: Request, name: str) -> Response:
        """Answer the terms that hold, and the versions, newest first."""
        shown = _found(request, name)
        versions = shown.policies.select_related("made_by").order_by("-version")[:100]
        return Response({**policy_document(shown), "versions": [_version_document(row) for row in versions]})

    @extend_schema(request=dict, responses=dict)
    def patch(self, request: Request, name: str) -> Response:
        """Change the terms that are named, for the reason given; with dry_run only say what that would do."""
        shown, given = _found(request, name), _body(request, {"terms", "reason", "dry_run"})
        terms = given.get("terms")
        if not isinstance(terms, dict):
            raise Malformed("terms is an object of the terms that change.")
        if given.get("dry_run") is True:
            effects = policy_effects.effects(shown, policy.preview(shown, terms))
            said = [{"terms": effect.terms, "sentence": effect.sentence, "samples": effect.samples} for effect in effects]
            return Response({**policy_document(shown), "effects": said})
        policy.change(shown, by=speaker(request), terms=terms, reason=given.get("reason", ""))
        return Response(policy_document(shown))


def schema_document(schema: LabelSchema) -> dict[str, Any]:
    """Answer a revision with when it was made and why."""
    return {**schema.as_document(), "note": schema.note, "created_at": schema.created_at}


def policy_document(row: AiModule) -> dict[str, Any]:
    """Answer the policy that holds."""
    return {"ai_module": row.slug, "version": row.policy_version, "terms": row.policy.terms}


def _version_document(row: PolicyVersion) -> dict[str, Any]:
    return {
        "version": row.version,
        "terms": row.policy.terms,
        "reason": row.reason,
        "made_by": row.made_by_id,
        "made_at": row.made_at,
    }


def _change_document(change: Change) -> dict[str, Any]:
    return {"kind": change.kind, "name": change.name, "sentence": change.sentence, "label": change.label}


def _found(request: Request, name: str) -> AiModule:
    return found(AiModule.objects.visible_to(speaker(request)), slug=name)


def _body(request: Request, known: set[str]) -> dict[str, Any]:
    """Answer the body, one JSON object that names nothing else; raises Malformed."""
    if not isinstance(request.data, Mapping):
        raise Malformed("The body must be one JSON object.")
    if unknown := set(request.data) - known:
        raise Malformed(f"There is no {', '.join(sorted(map(str, unknown)))} here; there are {', '.join(sorted(known))}.")
    return dict(request.data)
