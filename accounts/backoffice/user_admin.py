"""The back office of users."""

import uuid
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import admin as auth_admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import action

from accounts import access, ledger, roles, verification
from accounts.backoffice.recent_activity import KEYS, SIGN_INS, TOKENS, RecentTable, recent
from accounts.backoffice.user_filters import DeletedFilter, RoleFilter
from accounts.backoffice.user_forms import NewPasswordForm, NewUserForm, TokensForm, UserForm
from accounts.models import User
from accounts.own_account import deletion
from accounts.roles import Role
from accounts.sign_in.google import matching
from accounts.sign_in.identity import caller
from studio.backoffice import audit
from studio.backoffice.base import BackOfficeAdmin, badge, moment
from studio.errors import StudioError


@admin.register(User)
class UserAdmin(auth_admin.UserAdmin, BackOfficeAdmin):  # type: ignore[type-arg,misc]  # takes none when it runs; stubs differ
    """Users: find, add, deactivate, grant tokens, delete. Of a deleted account its row stays, for the ledger."""

    form = UserForm
    add_form = NewUserForm
    change_password_form = NewPasswordForm
    fieldsets = (
        (None, {"fields": ("email", "state", "balance", "password_page", "google")}),
        ("Permissions", {"fields": ("role",)}),
        ("Dates", {"fields": ("email_verified_at", "last_login", "signed_out_at", "created_at", "id")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "password1", "password2", "role")}),)
    readonly_fields = (
        *("state", "balance", "password_page", "google"),
        *("email_verified_at", "last_login", "signed_out_at", "created_at", "id"),
    )
    list_display: tuple[str, ...] = ("address", "role", "balance", "last_login", "can_sign_in")
    list_filter = (RoleFilter, "is_active", "token_account__unlimited", DeletedFilter)
    list_filter_submit = True
    list_select_related = ("token_account",)
    search_fields = ("^email", "=id")
    search_help_text = "The beginning of an e-mail address or of an id."
    ordering = ("email",)
    filter_horizontal = ()
    actions_detail = (
        *("tokens", "sign_out", "unlink_google", "deactivate", "reactivate"),
        *("mark_verified", "delete_account"),
    )
    change_form_outer_after_template = "admin/accounts/recent.html"
    recent_tables: tuple[RecentTable, ...] = (TOKENS, SIGN_INS, KEYS)

    @admin.display(description="e-mail address", ordering="email")
    def address(self, user: User) -> str:
        return str(user)

    @admin.display(description="tokens", ordering="token_account__balance")
    def balance(self, user: User) -> str:
        account = user.token_account
        return "unlimited" if account.unlimited else f"{account.balance:,}"

    def tokens_text(self, user: User) -> str:
        return f"{user.email} has {self.balance(user)} tokens."

    @admin.display(description="role")
    def role(self, user: User) -> str:
        return str(roles.role_of(user).label) if user.is_staff else "-"

    @badge(description="account", colours={"active": "", "deactivated": "danger", "deleted": ""})
    def can_sign_in(self, user: User) -> str:
        """Whether the account may sign in; the only red word of the list."""
        if user.deleted_at:
            return "deleted"
        return "active" if user.is_active else "deactivated"

    @admin.display(description="account")
    def state(self, user: User) -> str:
        if user.deleted_at:
            return f"Deleted on {moment(user.deleted_at)}. Only the ledger and this row are kept."
        return "Can sign in." if user.is_active else "Deactivated. “Reactivate”, above, undoes that."

    @admin.display(description="password")
    def password_page(self, user: User) -> str:
        url = reverse("admin:auth_user_password_change", args=(user.pk,))
        text = "Set a new password"
        return format_html('<a href="{}" class="underline">{}</a>: it signs the user out everywhere.', url, text)

    @admin.display(description="Google account")
    def google(self, user: User) -> str:
        return "Linked: the user can sign in with Google." if user.google_id else "Not linked."

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Hide the password from staff who may not set one."""
        fieldsets: Any = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        kept = tuple(name for name in fieldsets[0][1]["fields"] if name != "password_page")
        return ((None, {"fields": kept}), *fieldsets[1:])

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Only an admin sets roles; other staff see them."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if "role" in form.base_fields:
            form.base_fields["role"].disabled = not request.user.is_superuser
        return form

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Create a new user's token account, in the transaction of Django's form.

        The address of a user whom staff create is verified; one that they change is not.
        """
        if not change:
            obj.email_verified_at = timezone.now()
        elif "email" in form.changed_data:
            obj.email_verified_at = None
        super().save_model(request, obj, form, change)
        if not change:
            ledger.open_account(user=obj, tokens=settings.SIGNUP_TOKENS)
        if "role" in form.changed_data:
            before, after = roles.role_of(obj), Role(form.cleaned_data["role"])
            roles.assign(user=obj, role=after)
            audit.record(obj, role=(before.label, after.label))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add the user's recent activity, as far as the viewer may see it."""
        try:
            tables = recent(user_id=uuid.UUID(unquote(object_id)), viewer=request.user, tables=self.recent_tables)
        except ValueError:
            tables = []
        return super().change_view(request, object_id, form_url, {"recent": tables, **(extra_context or {})})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only an admin changes an admin: who sets a password can sign in with it. Nobody changes a deleted account."""
        if isinstance(obj, User) and (obj.deleted_at or not roles.may_change(actor=caller(request), user=obj)):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_adjust_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.adjust_tokens"))

    def has_erase_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only an admin deletes accounts."""
        return bool(request.user.is_superuser)

    # -- Actions on a user, each with a page that asks for confirmation

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Omit what would change nothing, and all but “tokens” for a deleted user."""
        user = self.get_object(request, str(object_id))
        omitted = {"reactivate" if user is None or user.is_active else "deactivate"}
        if user is None or not user.google_id:
            omitted.add("unlink_google")
        if user is None or user.email_verified_at:
            omitted.add("mark_verified")
        if user and user.deleted_at:
            omitted = {"sign_out", "unlink_google", "deactivate", "reactivate", "mark_verified", "delete_account"}
        return [one for one in super().get_actions_detail(request, object_id) if one.method.__name__ not in omitted]  # type: ignore[misc]

    @action(description="Tokens", url_path="tokens", permissions=["adjust"])  # type: ignore[untyped-decorator]
    def tokens(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Grant tokens or correct the balance: a form, a confirmation, and the entry."""
        user = self._user(request, object_id)
        form = TokensForm(request.POST or None, balance=user.token_account.balance)
        if not form.is_valid():
            text = self.tokens_text(user)
            return self.confirmation_page(request, user, title="Tokens", text=text, button="Continue", form=form)
        if request.POST.get("step") != "sure":
            return self.confirmation_page(
                request, user, title="Tokens", text=form.summary(user), button="Confirm", form=form.hidden()
            )
        try:
            entry = form.write_entry(user=user, actor=request.user)
        except StudioError as exc:
            self.message_user(request, f"Nothing was changed. {exc.message}", messages.ERROR)
        else:
            self.log_change(request, user, f"{entry.kind} of {entry.amount} tokens: {entry.note}")
            self.message_user(request, f"Done. {user.email} has {entry.balance_after:,} tokens now.", messages.SUCCESS)
        return redirect("admin:accounts_user_change", user.pk)

    @action(description="Sign out everywhere", url_path="sign-out", permissions=["change"])  # type: ignore[untyped-decorator]
    def sign_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        text = "{email} must sign in again, here and in every program that uses the API. Jobs continue."
        return self._confirm(request, object_id, "Sign out everywhere", text, access.sign_out_everywhere)

    @action(description="Unlink Google", url_path="unlink-google", permissions=["change"])  # type: ignore[untyped-decorator]
    def unlink_google(self, request: HttpRequest, object_id: str) -> HttpResponse:
        text = (
            "The Google account of {email} no longer signs in to this account. The next Google account with this "
            "verified address is linked to it. Open sessions continue."
        )
        return self._confirm(request, object_id, "Unlink Google", text, matching.unlink)

    @action(description="Deactivate", url_path="deactivate", permissions=["change"])  # type: ignore[untyped-decorator]
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        text = "{email} can no longer sign in, and is signed out everywhere at once. Jobs continue; nothing is deleted."
        return self._confirm(
            request,
            object_id,
            "Deactivate",
            text,
            roles.deactivate,
            on_self="You cannot deactivate yourself; ask another admin.",
        )

    @action(description="Reactivate", url_path="reactivate", permissions=["change"])  # type: ignore[untyped-decorator]
    def reactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm(request, object_id, "Reactivate", "{email} can sign in again.", access.reactivate)

    @action(description="Mark address as verified", url_path="mark-verified", permissions=["change"])  # type: ignore[untyped-decorator]
    def mark_verified(self, request: HttpRequest, object_id: str) -> HttpResponse:
        text = (
            "{email} counts as verified, as if its user had opened the link of a mail. Only if you know that it is. "
            "All sessions and API keys of the user end."
        )
        return self._confirm(request, object_id, "Mark address as verified", text, verification.mark_verified)

    @action(description="Delete the account", url_path="delete-account", permissions=["erase"])  # type: ignore[untyped-decorator]
    def delete_account(self, request: HttpRequest, object_id: str) -> HttpResponse:
        text = (
            "{email} is signed out and loses the account at once. Unfinished videos stop; looks, videos and files are "
            "deleted. Only the ledger is kept, without address and name. This cannot be undone."
        )
        act = partial(deletion.delete_by_staff, actor=caller(request))
        return self._confirm(
            request,
            object_id,
            "Delete the account",
            text,
            act,
            on_self="You cannot delete yourself here; ask another admin.",
        )

    def _confirm(
        self, request: HttpRequest, object_id: str, title: str, text: str, act: Any, *, on_self: str = ""
    ) -> HttpResponse:
        """Ask, then act. `on_self` is the refusal for members of staff who do it to themselves, if they may not."""
        user = self._user(request, object_id)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        if "confirmed" not in request.POST:
            return self.confirmation_page(
                request, user, title=title, text=text.format(email=user.email), button=f"Yes: {title}"
            )
        if user == request.user and on_self:
            self.message_user(request, on_self, messages.ERROR)
            return redirect("admin:accounts_user_change", user.pk)
        try:
            act(user=user)
        except StudioError as exc:
            self.message_user(request, f"Nothing was changed. {exc.message}", messages.ERROR)
        else:
            self.log_change(request, user, f"{title}.")
            self.message_user(request, f"Done: {title} ({user}).", messages.SUCCESS)
        return redirect("admin:accounts_user_change", user.pk)

    def _user(self, request: HttpRequest, object_id: str) -> User:
        user: User | None = self.get_object(request, unquote(object_id))
        if user is None:
            raise Http404
        if not self.has_view_permission(request, user):
            raise PermissionDenied
        return user
