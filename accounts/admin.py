"""The back office of roles and sign-ins; `accounts.backoffice` has the other pages, which register themselves."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from rest_framework_simplejwt.token_blacklist import admin as _admin  # noqa: F401 -- registers the pages that are unregistered below
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts import roles
from accounts.backoffice import key_admin as _key_admin  # noqa: F401 -- Django imports admin pages from this module only
from accounts.backoffice import ledger_admin as _ledger_admin  # noqa: F401 -- as above
from accounts.backoffice import security_admin as _security_admin  # noqa: F401 -- as above
from accounts.backoffice import session_admin as _session_admin  # noqa: F401 -- as above
from accounts.backoffice import task_admin as _task_admin  # noqa: F401 -- as above
from accounts.backoffice import user_admin as _user_admin  # noqa: F401 -- as above
from accounts.models import SignIn
from accounts.roles import Role
from studio.backoffice import audit_admin as _audit_admin  # noqa: F401 -- as above
from studio.backoffice.base import ReadOnlyAdmin, badge

# The first two show refresh tokens, with which a reader can act as their owner. Roles are set on a user's page.
admin.site.unregister((BlacklistedToken, OutstandingToken, Group))


@admin.register(Group)
class RoleAdmin(ReadOnlyAdmin, GroupAdmin):
    """The permissions of each role. A user's role is set on the user's page."""

    ordering = ("name",)
    list_display = ("name", "meaning")
    fields = ("name", "meaning", "permissions")

    def meaning(self, group: Group) -> str:
        return roles.MEANINGS[Role(group.name)] if group.name in Role.values else "Unknown: not a role of this product."


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    """Shows who tried to sign in, when and with which outcome; nothing can be edited."""

    list_display = ("created_at", "email", "channel", "method", "outcome", "client_ip", "client")
    list_filter = ("channel", "method", "succeeded")
    list_select_related = ("user",)
    search_fields = ("^user__email", "=user_id")
    search_help_text = "The beginning of an e-mail address or of an id."

    @badge(description="outcome", colours={"signed in": "success", "refused": "danger"})
    def outcome(self, row: SignIn) -> str:
        return "signed in" if row.succeeded else "refused"

    @admin.display(description="user")
    def email(self, row: SignIn) -> str:
        """The account of the e-mail address that was typed, if any."""
        return row.user.email if row.user else "unknown account"
