"""Base classes of the back office's pages."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import Paginator
from django.db import connection, models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.text import capfirst
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.utils import parse_date_str

from studio.emails import normal_email
from studio.models import ids_with_prefix

if TYPE_CHECKING:  # unfold's classes are Django's, and untyped
    from django.contrib.admin import ModelAdmin, StackedInline, TabularInline
    from django.contrib.admin.views.main import ChangeList
else:
    from unfold.admin import ModelAdmin, StackedInline, TabularInline
    from unfold.views import ChangeList


class CompletedChangeList(ChangeList):
    """A list that calls `complete` with the rows of the current page."""

    model_admin: "BackOfficeAdmin"

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.model_admin.complete(request, list(self.result_list))


def list_url(table: str, /, **query: Any) -> str:
    """The URL of a table's list (`app_model`) with this search or these filters, quoted."""
    return f"{reverse(f'admin:{table}_changelist')}?{urlencode(query)}"


F = TypeVar("F", bound=Callable[..., Any])


def badge(*, description: str, colours: Mapping[str, str]) -> Callable[[F], F]:
    """A column of coloured labels: the function's result, or the first of a pair, selects the colour."""

    def decorate(function: F) -> F:
        function.short_description = description  # type: ignore[attr-defined]  # Django's name for it
        function.label = colours  # type: ignore[attr-defined]  # unfold's name for it
        return function

    return decorate


def moment(time: datetime) -> str:
    """A time in the admin's format; every page states the time zone once."""
    return formats.date_format(timezone.localtime(time), "DATETIME_FORMAT")


def label(text: str, kind: str = "") -> str:
    """A coloured label inside a column of text."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind, "size": "md"})


COUNTED_MOST = 10_000  # rows, or 200 pages


CONFIRMED_MOST = 100  # rows of one action, as a page can show them all


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """Counts up to COUNTED_MOST rows: counting a million takes longer than showing fifty.

    Filters and searches find the rest.
    """

    @cached_property
    def count(self) -> int:
        """The rows, or COUNTED_MOST where there are more."""
        rows: models.QuerySet[Any] = self.object_list  # type: ignore[assignment]  # a list of the admin is always one
        return rows.order_by()[:COUNTED_MOST].count()


class BackOfficeAdmin(ModelAdmin):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """The pages of a table.

    A search uses an index, at any size of the table. Of `search_fields`, `=name` is an id and `^name` a column in lower
    case; both match prefixes. Others are Django's, which read the whole table.
    """

    list_per_page = 50
    paginator = BoundedPaginator
    show_facets = admin.ShowFacets.NEVER  # facets count the whole table for every choice of every filter
    show_full_result_count = False  # it costs a second COUNT of a large table
    warn_unsaved_form = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CompletedChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Whether the list may be filtered by this parameter: by its own filters only.

        Django allows every column, even those that the list hides. A user who sees the list could then read a secret
        letter by letter: `?key__startswith=a`, `?key__startswith=b`, …
        """
        if not super().lookup_allowed(lookup, value, request):  # type: ignore[arg-type]  # None is Django's default
            return False
        fields = self.opts.get_fields(include_hidden=True)
        names = {"pk", *(field.name for field in fields), *(getattr(field, "attname", "pk") for field in fields)}
        return lookup.split("__", maxsplit=1)[0] not in names or any(
            lookup == path or lookup.startswith(f"{path}__") for path in self._filtered(request)
        )

    def _filtered(self, request: HttpRequest | None) -> set[str]:
        filters: Any = self.list_filter if request is None else self.get_list_filter(request)
        paths = {one[0] if isinstance(one, (list, tuple)) else getattr(one, "parameter_name", one) for one in filters}
        return {path for path in (*paths, self.date_hierarchy) if isinstance(path, str)}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Titled as in the menu; Django's title is "Select user to change"."""
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Add to the rows of one page what their columns need, such as counts, in a statement or two."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows, and False: no row appears twice."""
        if "@" in search_term:
            search_term = normal_email(search_term)
        names = self.get_search_fields(request)
        if not search_term or not all(name.startswith(("=", "^")) for name in names):
            return super().get_search_results(request, queryset, search_term)
        ids = tuple(name[1:] for name in names if name.startswith("="))
        columns = [name[1:] for name in names if name.startswith("^")]
        words = search_term.strip().lower()
        by_words = any_of(queryset, [begins_with(name, words) for name in columns])
        return first_found(words, by_id(queryset, words, ids), by_words), False

    def confirmation_page(
        self, request: HttpRequest, obj: models.Model, *, title: str, text: str, button: str, form: Any = None
    ) -> HttpResponse:
        """A page that asks to confirm an action on one row; its button sends `confirmed`."""
        back = reverse(f"admin:{self.opts.label_lower.replace('.', '_')}_change", args=(obj.pk,))
        return self._ask(request, title=title, text=text, button=button, form=form, original=obj, back=back)

    def ask_about_several(
        self, request: HttpRequest, rows: Sequence[models.Model], *, title: str, text: str, button: str
    ) -> HttpResponse | None:
        """A page that asks to confirm an action on the chosen rows of the list; None once that is confirmed."""
        back = request.get_full_path()
        if len(rows) > CONFIRMED_MOST:
            self.message_user(request, f"Choose at most {CONFIRMED_MOST} rows at once.", messages.ERROR)
            return redirect(back)
        if "confirmed" in request.POST:
            return None
        chosen = {"rows": rows, "checkbox_name": ACTION_CHECKBOX_NAME, "action": request.POST["action"]}
        return self._ask(request, title=title, text=text, button=button, back=back, **chosen)

    def _ask(self, request: HttpRequest, **context: Any) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, "admin/ask.html", shared | context)


class DaysFilter(RangeDateFilter):  # type: ignore[misc]  # unfold is untyped
    """A range of days, both included. unfold's own compares with times without a time zone."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of those days; text that is no date is ignored."""
        first, last = (parse_date_str(self.used_parameters.get(f"{self.field_path}_{end}")) for end in ("from", "to"))
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": _midnight(first)})
        if last:
            queryset = queryset.filter(**{f"{self.field_path}__lt": _midnight(last + timedelta(days=1))})
        return queryset


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - made aware right here


def begins_with(column: str, words: str) -> Q:
    """The rows whose column begins with the words, by a condition that each database has an index for."""
    if connection.vendor == "sqlite":  # its LIKE ignores case, so it cannot use the index; text is ordered by bytes
        return Q(**{f"{column}__gte": words, f"{column}__lt": f"{words}\U0010ffff"})
    return Q(**{f"{column}__startswith": words})


def any_of(queryset: QuerySet[Any], conditions: Sequence[Q]) -> QuerySet[Any]:
    """The rows that meet one of the conditions."""
    return queryset.filter(reduce(or_, conditions)) if conditions else queryset.none()


IDS_FOUND_MOST = 500  # rows; a prefix with more matches is too short


def by_id(queryset: QuerySet[Any], text: str, names: Sequence[str] = ("pk",)) -> QuerySet[Any]:
    """The rows with an id in one of these columns that begins with the text.

    Their keys are read first, each column by its index: combined with the list's order and filters, a database may
    check the condition on every row instead.
    """
    span = ids_with_prefix(text)
    if span is None:
        return queryset.none()
    if span[0] == span[1]:  # a whole id
        return any_of(queryset, [Q(_is_given(name), **{name: span[0]}) for name in names])
    rows = queryset.model._default_manager.order_by()
    conditions = [  # not __range, which foreign keys do not have
        Q(_is_given(name), **{f"{name}__gte": span[0], f"{name}__lte": span[1]}) for name in names
    ]
    found = [rows.filter(condition).values_list("pk", flat=True)[:IDS_FOUND_MOST] for condition in conditions]
    return queryset.filter(pk__in={pk for keys in found for pk in keys})


def _is_given(name: str) -> Q:
    """The condition of a partial index, without which SQLite does not use it."""
    return ~Q(**{name: None})


def first_found(text: str, by_id: QuerySet[Any], by_words: QuerySet[Any]) -> QuerySet[Any]:
    """The rows found by id, else those found by words; for a text without a digit, the reverse.

    Most prefixes of an id have a digit; `cafe` and `abed` are words first.
    """
    first, second = (by_words, by_id) if text.isalpha() else (by_id, by_words)
    return first if first.order_by().exists() else second


class ReadOnlyAdmin(BackOfficeAdmin):
    """Read-only pages."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class EditableRows(StackedInline):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """Editable rows of another table on a page."""

    extra = 0


class ReadOnlyRows(TabularInline):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """Read-only rows of another table on a page."""

    extra = 0
    can_delete = False
    hide_title = True  # the title would be the row's id

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
