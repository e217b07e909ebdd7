"""Who may read a look, and who may change it."""

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from accounts.permissions import is_owner_or_admin
from accounts.sign_in.identity import caller
from looks.models import Visibility
from looks.representation import LookRow


def may_read(user: User, look: LookRow) -> bool:
    """Who can read a look: everyone signed in a public one, its readers a shared one, its owner and admins any.

    Shares remain while a look is private or public; they count only while it is shared.
    """
    is_open = look.visibility == Visibility.PUBLIC or (look.visibility == Visibility.SHARED and look.is_reader)
    return is_open or is_owner_or_admin(user, look.owner_id)


class LookPermission(BasePermission):
    """Reading as `may_read` says; changes and deletion for the owner and admins."""

    def has_object_permission(self, request: Request, view: APIView, look: LookRow) -> bool:
        """Whether the caller may send this method to the look."""
        if request.method in SAFE_METHODS:
            return may_read(caller(request), look)
        return is_owner_or_admin(caller(request), look.owner_id)
