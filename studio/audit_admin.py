"""The log of who changed what in the back office: to look at, for admins."""

from typing import Any

from auditlog import admin as _admin  # noqa: F401 -- registers what is taken off below
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import DropdownFilter

from studio.admin import DaysFilter, ReadOnlyAdmin

admin.site.unregister(LogEntry)  # its own page looks for names that our users have not, and reads whole tables


class TableFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Changes of one table."""

    title = "table"
    parameter_name = "table"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those that are watched."""
        types = ContentType.objects.get_for_models(*auditlog.get_models())
        return sorted(((str(kind.pk), str(model._meta.verbose_name)) for model, kind in types.items()), key=_by_name)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Of one of them."""
        known = self.value() in {value for value, _ in self.lookup_choices}
        return queryset.filter(content_type=self.value()) if known else queryset


def _by_name(choice: tuple[str, str]) -> str:
    return choice[1]


@admin.register(LogEntry)
class ChangeAdmin(ReadOnlyAdmin):
    """Who changed what, when."""

    list_display = ("timestamp", "who", "action", "table", "what", "changed")
    list_filter = ("action", TableFilter, ("timestamp", DaysFilter))
    list_filter_submit = True
    list_select_related = ("content_type",)
    search_fields = ("^actor_email", "=object_pk")
    search_help_text = "The beginning of the e-mail address of who did it, or the whole id of what was changed."
    fields = ("timestamp", "who", "action", "table", "what", "changed", "cid")
    readonly_fields = ("who", "table", "what", "changed")

    @admin.display(description="who")
    def who(self, entry: Any) -> str:
        """The member of staff, by the address of that time."""
        return entry.actor_email or "a program"

    @admin.display(description="table")
    def table(self, entry: Any) -> str:
        """What kind of thing."""
        return str(entry.content_type.name)

    @admin.display(description="what")
    def what(self, entry: Any) -> str:
        """The thing, as it was called then, with a link to it."""
        kind = entry.content_type
        try:
            url = reverse(f"admin:{kind.app_label}_{kind.model}_change", args=(entry.object_pk,))
        except NoReverseMatch:
            return str(entry.object_repr)
        return format_html('<a href="{}">{}</a>', url, entry.object_repr)

    @admin.display(description="changed")
    def changed(self, entry: Any) -> str:
        """Each field: what was, and what is."""
        return format_html_join(" ", "<div>{}</div>", ((_told(name, change),) for name, change in _changes(entry)))


def _changes(entry: Any) -> list[tuple[str, Any]]:
    return sorted((entry.changes or {}).items())


def _told(name: str, change: Any) -> str:
    before, after = change
    return f"{name}: {before} → {after}"
