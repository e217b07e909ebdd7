"""The page of the audit log, for admins."""

from typing import Any

from auditlog import admin as _admin  # noqa: F401 -- registers the page that is unregistered below
from auditlog.models import LogEntry
from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import DropdownFilter

from studio.backoffice.base import DaysFilter, ReadOnlyAdmin

admin.site.unregister(LogEntry)  # its own page expects names that our users do not have, and reads whole tables


class TableFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Changes of one table."""

    title = "table"
    parameter_name = "table"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The tables with a page: reading the choices from the log would scan it."""
        tables = [model for model in apps.get_models() if admin.site.is_registered(model)]
        types = ContentType.objects.get_for_models(*tables)
        return sorted(((str(kind.pk), str(model._meta.verbose_name)) for model, kind in types.items()), key=_by_name)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = self.value() in {value for value, _ in self.lookup_choices}
        return queryset.filter(content_type=self.value()) if known else queryset


def _by_name(choice: tuple[str, str]) -> str:
    return choice[1]


@admin.register(LogEntry)
class ChangeAdmin(ReadOnlyAdmin):
    """Changes by staff."""

    list_display = ("timestamp", "who", "action", "table", "what", "changed")
    list_filter = ("action", TableFilter, ("timestamp", DaysFilter))
    list_filter_submit = True
    list_select_related = ("content_type",)
    search_fields = ("^actor_email", "^object_pk")
    search_help_text = "The beginning of the staff member's e-mail address, or of the changed row's id."
    fields = ("timestamp", "who", "action", "table", "what", "changed", "cid")
    readonly_fields = ("who", "table", "what", "changed")

    @admin.display(description="who")
    def who(self, entry: Any) -> str:
        """The member of staff, by the e-mail address of that time."""
        return entry.actor_email or "the server's console"

    @admin.display(description="table")
    def table(self, entry: Any) -> str:
        return str(entry.content_type.name)

    @admin.display(description="what")
    def what(self, entry: Any) -> str:
        """The row by its name of that time, with a link."""
        kind = entry.content_type
        try:
            url = reverse(f"admin:{kind.app_label}_{kind.model}_change", args=(entry.object_pk,))
        except NoReverseMatch:
            return str(entry.object_repr)
        return format_html('<a href="{}">{}</a>', url, entry.object_repr)

    @admin.display(description="changed")
    def changed(self, entry: Any) -> str:
        """Each field's old and new value; of an action, its name and its facts."""
        return format_html_join(" ", "<div>{}</div>", ((_line(name, change),) for name, change in _changes(entry)))


def _changes(entry: Any) -> list[tuple[str, Any]]:
    """Sorted by name, the action first."""
    return sorted((entry.changes or {}).items(), key=lambda change: (change[0] != "action", change[0]))


def _line(name: str, change: Any) -> str:
    before, after = change
    title = name.replace("_", " ")
    return f"{title}: {before} → {after}" if before else f"{title}: {after}"
