"""What the pages of every app in the back office share."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.http import HttpRequest

if TYPE_CHECKING:  # unfold's classes are Django's, and untyped
    from django.contrib.admin import ModelAdmin, StackedInline, TabularInline
else:
    from unfold.admin import ModelAdmin, StackedInline, TabularInline


class BackOfficeAdmin(ModelAdmin):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """The pages of a table."""

    list_per_page = 50
    show_full_result_count = False  # a second COUNT of a large table, for a number that nobody needs
    warn_unsaved_form = True


class ReadOnlyAdmin(BackOfficeAdmin):
    """Pages to look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Never."""
        return False


class EditableRows(StackedInline):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """Rows of another table on a page, to be edited there."""

    extra = 0


class ReadOnlyRows(TabularInline):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """Rows of another table on a page, to look at."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False
