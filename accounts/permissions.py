"""Who may act on an object: its owner and admins. Every check of the API comes here."""

import uuid
from typing import Any, NamedTuple

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from accounts.sign_in.identity import caller


class Owned(NamedTuple):
    """An object of which only the owner was read."""

    owner_id: uuid.UUID


def is_owner_or_admin(user: User, owner_id: uuid.UUID) -> bool:
    """Whether the user may read and change the owner's objects; an admin (`is_staff`) may change any."""
    return user.is_staff or owner_id == user.pk


class IsOwnerOrAdmin(BasePermission):
    """Lets the owner and admins act on an object with an `owner_id`; others get 403."""

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        """Whether the caller may act on the object."""
        return is_owner_or_admin(caller(request), obj.owner_id)
