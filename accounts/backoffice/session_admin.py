"""The back office of sessions: where users are signed in to the API, and why sessions ended."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from unfold.decorators import action

from accounts import roles
from accounts.models import Session
from accounts.sign_in import sessions
from accounts.sign_in.identity import caller
from studio.backoffice import audit
from studio.backoffice.base import ReadOnlyAdmin, badge

REUSED = "possibly stolen"  # short, and the only red words of the list


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sessions, and possible thefts among them: filter by the reason of the end."""

    list_display = ("created_at", "email", "method", "state", "refreshed_at", "client_ip", "client")
    list_filter = ("end_reason", "method")
    list_select_related = ("user",)
    search_fields = ("^user__email", "=id", "=user_id")
    search_help_text = "The beginning of an e-mail address or of an id."
    fieldsets = (
        (None, {"fields": ("user", "method", "client_ip", "client", "id")}),
        ("Dates", {"fields": ("signed_in_at", "refreshed_at", "expires_at", "ended_at", "end_reason")}),
    )
    actions_detail = ("end",)

    @admin.display(description="user", ordering="user__email")
    def email(self, session: Session) -> str:
        return session.user.email

    @badge(description="state", colours={REUSED: "danger", "ended": "", "expired": "", "live": "success"})
    def state(self, session: Session) -> tuple[str, str]:
        if session.end_reason == Session.End.REUSED:
            return REUSED, "Possibly stolen: a used refresh token was sent again"
        if session.ended_at:
            return "ended", f"Ended: {session.get_end_reason_display()}"
        if session.expires_at < timezone.now():
            return "expired", "Expired"
        return "live", "Live"

    def has_end_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """`obj` is the id of a session."""
        session = self.get_object(request, obj) if obj else None
        is_allowed = session is None or roles.may_change(actor=caller(request), user=session.user)
        return is_allowed and request.user.has_perm("accounts.change_session")

    @action(description="End the session", url_path="end", permissions=["end"])  # type: ignore[untyped-decorator]
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End one session, after a confirmation."""
        session = self.get_object(request, object_id)
        if session is None:
            raise Http404
        if "confirmed" not in request.POST:
            text = f"The program of this session must sign in again as {session.user.email}. Other sessions continue."
            return self.confirmation_page(request, session, title="End the session", text=text, button="Yes: end it")
        with transaction.atomic():
            ended = sessions.end(session=session, reason=Session.End.STAFF)
            if ended:
                audit.record_action(session, "End", actor=caller(request), user=session.user.email)
        text = "Done: the session has ended." if ended else "Nothing was changed: the session had ended before."
        self.message_user(request, text, messages.SUCCESS if ended else messages.WARNING)
        return redirect("admin:accounts_session_change", session.pk)
