"""The filters of the list of users."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from accounts.models import User
from accounts.roles import Role


class RoleFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Filters by the role, which is a group of the same name."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(role.value, str(role.label)) for role in Role if role]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """Filter by staff first, who have an index."""
        if not self.value():
            return queryset
        named = Q(groups__name=self.value())
        if self.value() == Role.ADMIN:  # a user of Django's createsuperuser is in no group
            named |= Q(is_superuser=True)
        return queryset.filter(pk__in=User.objects.filter(named, is_staff=True).values("pk"))


class DeletedFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Hides deleted accounts unless they are asked for."""

    title = "deleted accounts"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("only", "Only deleted accounts"), ("too", "Deleted accounts, too")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() == "too":
            return queryset
        return queryset.filter(deleted_at__isnull=self.value() != "only")
