"""The back office of webhooks and their deliveries: without secrets, URLs and bodies."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action

from accounts import roles
from accounts.sign_in.identity import caller
from studio.backoffice.base import ReadOnlyAdmin, badge, list_url
from videos.models import WebhookDelivery, WebhookEndpoint
from videos.webhooks import endpoints


class StateFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Filters by whether messages are sent."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "active"), ("failing", "active, and failing"), ("disabled", "disabled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> QuerySet[WebhookEndpoint]:
        chosen: dict[str, dict[str, Any]] = {
            "active": {"disabled_at": None},
            "failing": {"disabled_at": None, "failing_since__isnull": False},
            "disabled": {"disabled_at__isnull": False},
        }
        return queryset.filter(**chosen.get(self.value() or "", {}))


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Webhooks. Of a URL only the host is shown: the rest may be a secret of the receiver."""

    list_display = ("short_id", "owner_link", "host", "state", "failing_since", "created_at")
    list_filter = (StateFilter,)
    list_filter_submit = True
    list_select_related = ("owner",)
    search_fields = ("^owner__email", "=id", "=owner_id")
    search_help_text = "The beginning of an e-mail address or of an id."
    fields = (
        *("owner_link", "host", "description", "kinds", "state", "disabled_at", "failing_since", "last_number"),
        *("log", "created_at", "id"),
    )
    readonly_fields = ("owner_link", "host", "kinds", "state", "log")
    actions_detail = ("disable",)

    @admin.display(description="owner", ordering="owner__email")
    def owner_link(self, endpoint: WebhookEndpoint) -> str:
        url = reverse("admin:accounts_user_change", args=(endpoint.owner_id,))
        return format_html('<a class="studio-link" href="{}">{}</a>', url, endpoint.owner.email)

    @admin.display(description="host")
    def host(self, endpoint: WebhookEndpoint) -> str:
        return urlsplit(endpoint.url).hostname or ""

    @admin.display(description="events")
    def kinds(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events)

    @admin.display(description="deliveries")
    def log(self, endpoint: WebhookEndpoint) -> str:
        url = list_url("videos_webhookdelivery", q=endpoint.pk)
        return format_html('<a class="studio-link" href="{}">the messages of the last days</a>', url)

    @badge(description="state", colours={"active": "success", "failing": "warning", "disabled": "danger"})
    def state(self, endpoint: WebhookEndpoint) -> tuple[str, str]:
        if endpoint.disabled_at:
            return "disabled", f"disabled: {endpoint.get_disabled_reason_display()}"
        return ("failing", "active, and failing") if endpoint.failing_since else ("active", "active")

    def has_disable_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """`obj` is the id of a webhook."""
        endpoint = self.get_object(request, obj) if obj else None
        is_allowed = endpoint is None or roles.may_change(actor=caller(request), user=endpoint.owner)
        return is_allowed and request.user.has_perm("videos.change_webhookendpoint")

    @action(description="Disable", url_path="disable", permissions=["disable"])  # type: ignore[untyped-decorator]
    def disable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Disable the webhook after a confirmation."""
        endpoint = self.get_object(request, object_id)
        if endpoint is None:
            raise Http404
        if "confirmed" not in request.POST:
            text = "Nothing more is sent there, and what waits is given up. Its owner can enable it again."
            return self.confirmation_page(request, endpoint, title="Disable", text=text, button="Yes: disable")
        if endpoints.disable_by_staff(endpoint=endpoint, actor=caller(request)):
            self.message_user(request, "Disabled.", messages.SUCCESS)
        else:
            self.message_user(request, "Nothing was changed: it was disabled before.", messages.WARNING)
        return redirect("admin:videos_webhookendpoint_change", endpoint.pk)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Messages to webhooks, without their bodies, and what became of them."""

    list_display = ("created_at", "kind", "owner_link", "state_column", "attempts", "response_status", "last_error")
    list_filter = ("state", "kind")
    list_filter_submit = True
    list_select_related = ("endpoint__owner",)
    search_fields = ("^endpoint__owner__email", "=id", "=endpoint_id", "=job_id")
    search_help_text = "The beginning of an e-mail address, or of the id of a delivery, a webhook or a video job."
    fields = (
        *("kind", "number", "job_id", "owner_link", "endpoint", "message_id", "state_column", "attempts", "due_at"),
        *("attempted_at", "delivered_at", "response_status", "last_error", "created_at", "id"),
    )
    readonly_fields = ("owner_link", "message_id", "state_column")
    actions = ("send_again",)

    @admin.display(description="owner", ordering="endpoint__owner__email")
    def owner_link(self, delivery: WebhookDelivery) -> str:
        url = reverse("admin:accounts_user_change", args=(delivery.endpoint.owner_id,))
        return format_html('<a class="studio-link" href="{}">{}</a>', url, delivery.endpoint.owner.email)

    @badge(description="state", colours={"delivered": "success", "failed": "danger", "pending": ""})
    def state_column(self, delivery: WebhookDelivery) -> tuple[str, str]:
        return delivery.state, delivery.get_state_display()

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Without the bodies, which have the texts of users."""
        return super().get_queryset(request).defer("body")

    def has_repeat_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("videos.change_webhookdelivery"))

    @admin.action(description="Send again", permissions=["repeat"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> HttpResponse:
        """Send the chosen messages again, after a confirmation; those of disabled webhooks stay."""
        chosen = list(queryset.select_related("endpoint"))
        text = "These messages are sent again at once, also those that were delivered. Those of disabled webhooks stay."
        page = self.ask_about_several(request, chosen, title="Send again", text=text, button="Yes: send again")
        if page:
            return page
        sent = 0
        for delivery in chosen:
            try:
                endpoints.send_again_by_staff(delivery=delivery, actor=caller(request))
                sent += 1
            except endpoints.WebhookDisabled:
                continue
        left = len(chosen) - sent
        note = f" {left} are of disabled webhooks, and were left as they are." if left else ""
        self.message_user(request, f"{sent} will be sent again at once.{note}", messages.SUCCESS)
        return redirect("admin:videos_webhookdelivery_changelist")
