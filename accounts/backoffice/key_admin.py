"""The back office of API keys."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action

from accounts import roles
from accounts.models import ApiKey
from accounts.sign_in import api_keys
from accounts.sign_in.identity import caller
from studio.backoffice.base import ReadOnlyAdmin, badge


class StateFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Filters by whether a key can be used."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "active"), ("revoked", "revoked"), ("expired", "expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        is_expired = Q(revoked_at=None, expires_at__lte=timezone.now())
        chosen = {"revoked": ~Q(revoked_at=None), "expired": is_expired, "active": Q(revoked_at=None) & ~is_expired}
        return queryset.filter(chosen.get(self.value(), Q()))


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys, without the keys themselves. They can be revoked, for example one that was published."""

    list_display = ("prefix", "name", "owner", "allowed", "state", "last_used_at", "expires_at", "created_at")
    list_filter = (StateFilter,)
    list_filter_submit = True
    list_select_related = ("user",)
    search_fields = ("^user__email", "=user_id", "=id")
    search_help_text = (
        f"The first {api_keys.SHOWN} characters of a key, or the beginning of an e-mail address or of an id."
    )
    fields = ("prefix", "name", "owner", "allowed", "last_used_at", "expires_at", "revoked_at", "created_at", "id")
    readonly_fields = ("owner", "allowed")
    actions = ("revoke_several",)
    actions_detail = ("revoke",)

    @admin.display(description="user", ordering="user__email")
    def owner(self, key: ApiKey) -> str:
        url = reverse("admin:accounts_user_change", args=(key.user_id,))
        return format_html('<a href="{}">{}</a>', url, key.user.email)

    @admin.display(description="scopes")
    def allowed(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @badge(description="state", colours={"active": "success", "revoked": "danger", "expired": ""})
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "revoked"
        return "expired" if key.expires_at and key.expires_at <= timezone.now() else "active"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Also find a key by its first characters; of a whole one that was pasted, the rest is ignored."""
        words = search_term.strip()
        if words.startswith(api_keys.PREFIX):
            return queryset.filter(prefix=words[: api_keys.SHOWN]), False
        return super().get_search_results(request, queryset, search_term)

    def has_revoke_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """`obj` is the id of a key; None is the list."""
        key = self.get_object(request, obj) if obj else None
        is_allowed = key is None or roles.may_change(actor=caller(request), user=key.user)
        return is_allowed and request.user.has_perm("accounts.revoke_apikey")

    @action(description="Revoke", url_path="revoke", permissions=["revoke"])  # type: ignore[untyped-decorator]
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Revoke the key after a confirmation."""
        key = self.get_object(request, object_id)
        if key is None:
            raise Http404
        if "confirmed" not in request.POST:
            text = f"Programs that use the key “{key.name}” of {key.user.email} get 401 at once. This cannot be undone."
            return self.confirmation_page(request, key, title="Revoke", text=text, button="Yes: revoke")
        return self._revoke(request, [key])

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke_several(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        """Revoke the chosen keys after a confirmation; none, if one is of an admin and the user is no admin."""
        keys = list(queryset.select_related("user"))
        if not all(roles.may_change(actor=caller(request), user=key.user) for key in keys):
            self.message_user(request, "Nothing was changed: only an admin revokes an admin's keys.", messages.ERROR)
            return redirect("admin:accounts_apikey_changelist")
        text = "Programs that use these keys get 401 at once. This cannot be undone."
        page = self.ask_about_several(request, keys, title="Revoke", text=text, button="Yes: revoke")
        return page or self._revoke(request, keys)

    def _revoke(self, request: HttpRequest, keys: list[ApiKey]) -> HttpResponse:
        for key in keys:
            api_keys.revoke(key=key, actor=caller(request))
        self.message_user(request, f"Revoked: {', '.join(map(str, keys))}.", messages.SUCCESS)
        return redirect("admin:accounts_apikey_changelist")
