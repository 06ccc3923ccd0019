"""Django's admin as the place for upkeep: lists to search, forms whose saving calls a verb, and nothing to delete.

What these pages may run is wider than the portal's own policy (docs/decisions/0032): the library under them evaluates expressions.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, wraps
from typing import Any, ClassVar

from allauth.account.decorators import secure_admin_login
from django.contrib import messages
from django.contrib.admin import display
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from core.errors import Refusal

MOST = 5_000
"""How many rows a list leads through; past them one searches."""
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Site(UnfoldAdminSite):  # type: ignore[misc]  # unfold carries no types
    """The pages under /admin/, for super admins who came in by the log-in page as everybody does."""

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Say with each page what it may run."""
        shown = super().admin_view(view, cacheable)

        @wraps(shown)
        def narrowed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if any("\x00" in value for _name, values in request.GET.lists() for value in values):
                raise Http404  # a filter would ask PostgreSQL for what no text can hold
            response: HttpResponse = shown(request, *args, **kwargs)
            response["Content-Security-Policy"] = POLICY
            return response

        return narrowed


site = Site(name="admin")
site.login = secure_admin_login(site.login)


class FirstRows(Paginator):  # type: ignore[type-arg]
    """Counts no further than MOST rows."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[: MOST + 1].count())

    @cached_property
    def num_pages(self) -> int:
        return max(1, -(-min(self.count, MOST) // self.per_page))


class Upkeep(ModelAdmin):  # type: ignore[misc]
    """One noun: `permission` opens it, `adds` and `changes` are what its verb takes, `shows` is only read."""

    permission: ClassVar[str]
    adds: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    show_full_result_count = False
    show_facets = "NEVER"
    paginator = FirstRows
    list_per_page = 50
    list_max_show_all = 0
    list_disable_select_all = True

    def write(self, by: Any, row: Any | None, asked: Mapping[str, Any]) -> Model:
        """Call the verb that makes a row (None), or changes it; may raise a Refusal."""
        raise Http404

    def portal_path(self, row: Any) -> str:
        """Answer where the portal shows a row, or nothing."""
        return ""

    @display(description=gettext_lazy("Portal"))
    def portal(self, row: Any) -> str:
        """Lead to the portal."""
        path = self.portal_path(row)
        return format_html('<a class="underline" href="{}">{}</a>', path, _("open in portal")) if path else "–"

    def carry_out(self, request: HttpRequest, rows: Iterable[Any], verb: Callable[[Any], Any], done: str) -> None:
        """Call a verb for each chosen row, and say what came of it."""
        for row in rows:
            try:
                verb(row)
            except Refusal as refusal:
                messages.error(request, f"{row}: {refusal.detail}")
            else:
                messages.success(request, f"{row}: {done}")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(self.permission))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(self.adds) and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are changed where a verb changes them; actions need it too."""
        return bool(self.changes if obj else self.changes or self.actions) and self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what was stored stays."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.changes, *(each for each in self.shows if each not in self.changes)) if obj else self.adds

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return tuple(each for each in self.shows if each not in self.changes) if obj else ()

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say a verb's refusal as a sentence, above the form; nothing was written then."""
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[no-any-return]
        except Refusal as refusal:
            said = [f"{name}: {' '.join(texts)}" for name, texts in refusal.errors.items()]
            messages.error(request, " ".join([refusal.detail, *said]))
            return redirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Have the verb write, on the row as it is stored."""
        stored = type(obj)._base_manager.get(pk=obj.pk) if change else None
        written = self.write(request.user, stored, form.cleaned_data)
        obj.__dict__.update(written.__dict__)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing hangs on these forms."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Leave the history to the audit log."""
        raise Http404

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Leave it to the verb, which recorded it."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Leave it to the verb, which recorded it."""
