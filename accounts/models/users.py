"""Users, known by e-mail address."""

import uuid
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models.ledger import TokenAccount
from studio.emails import normal_email, require_plain
from studio.errors import NotFound
from studio.models import Record


class UserManager(BaseUserManager["User"]):
    """Finds users by e-mail address, however it is spelled, and creates them together with their token account.

    The two `create_` methods are for Django's own tools; `accounts.registration` creates users for the product.
    """

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user with an empty token account; without a password, the user cannot sign in."""
        user = self.model(email=normal_email(email), **fields)
        user.set_password(password)
        with transaction.atomic(using=self.db):
            user.save(using=self.db, force_insert=True)
            TokenAccount.objects.using(self.db).create(user=user)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user who may do everything, for `manage.py createsuperuser`; the address counts as verified."""
        fields.setdefault("email_verified_at", timezone.now())
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def find(self, text: str) -> "User":
        """The user with this id or e-mail address. Raises NotFound."""
        try:
            return self.get(pk=uuid.UUID(text))
        except ValueError:
            pass
        except self.model.DoesNotExist as exc:
            raise NotFound(f"There is no user {text}.") from exc
        try:
            return self.get_by_natural_key(text)
        except self.model.DoesNotExist as exc:
            raise NotFound(f"No user has the e-mail address {text!r}.") from exc

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user with this e-mail address. Raises User.DoesNotExist.

        Migration 0006 normalised addresses, except where two accounts would have got the same one. Those accounts are
        found by their own spelling.
        """
        typed, normal = (username or "").strip().lower(), normal_email(username or "")
        found = {user.email: user for user in self.filter(email__in={typed, normal})}
        if not found:
            raise self.model.DoesNotExist
        return found.get(typed) or found[normal]


class User(Record, AbstractBaseUser, PermissionsMixin):
    """A user, known by e-mail address. `is_staff` is what the API calls an admin."""

    email = models.EmailField(unique=True, validators=(require_plain,))
    email_verified_at = models.DateTimeField(
        null=True, blank=True, help_text="When a mailed link proved that the user reads this address."
    )
    name = models.CharField(max_length=100, blank=True, db_default="", help_text="As the user wants to be called.")
    google_id = models.CharField(
        max_length=255, unique=True, null=True, blank=True, editable=False, help_text="The `sub` of Google's ID tokens."
    )
    is_staff = models.BooleanField("admin", default=False)
    is_active = models.BooleanField(
        default=True, help_text="Unset to deactivate the user; their sign-in tokens stop at once."
    )
    signed_out_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Sessions and sign-in tokens from before are signed out."
    )

    deleted_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the user deleted the account; its ledger stays."
    )

    # Whether the role is for the back office only. `accounts.sign_in.identity` reads it with the row, for the API.
    back_office_only: bool = False
    # Why the session of the request's token ended; "" while it is live, None without one. Read likewise.
    session_end: str | None = None
    read_values: Mapping[str, Any] = MappingProxyType({})

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        ordering = ("email",)
        indexes = (
            # the back office's filters: the staff, among all users
            models.Index(fields=("email",), condition=Q(is_staff=True), name="users_staff"),
        )
        constraints = (
            models.CheckConstraint(name="user_email_is_lower_case", condition=Q(email=Lower("email"))),
            models.CheckConstraint(
                name="deleted_user_cannot_sign_in",
                condition=Q(deleted_at=None) | Q(is_active=False, is_staff=False, is_superuser=False, google_id=None),
            ),
        )

    def __str__(self) -> str:
        return f"deleted account {self.short_id}" if self.deleted_at else self.email

    @property
    def verified_email(self) -> str | None:
        """The e-mail address, once a mailed link has proved that the user reads it."""
        return self.email if self.email_verified_at else None

    def clean(self) -> None:
        """Normalise the e-mail address before it is validated."""
        self.email = normal_email(self.email)

    @classmethod
    def from_db(  # type: ignore[override]  # the stubs are of a later Django
        cls, db: str | None, field_names: Collection[str], values: Collection[Any]
    ) -> "Self":
        """Also remember the values, for `save`."""
        user = super().from_db(db, field_names, values)
        user.read_values = dict(zip(field_names, values, strict=False))
        return user

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row. Without field names, a row that was read writes only the fields that changed since.

        Django's forms save the whole row as their request read it. That would undo a concurrent sign-out, deactivation
        or new password.
        """
        if not self._state.adding and not args and not kwargs and self.read_values:
            here, read = vars(self), self.read_values
            loaded = [field for field in self._meta.concrete_fields if field.attname in here]
            changed = [field.name for field in loaded if here[field.attname] != read.get(field.attname)]
            kwargs = {"update_fields": [*changed, "updated_at"]}
        super().save(*args, **kwargs)
        self._remember(kwargs.get("update_fields"))

    def refresh_from_db(self, using: str | None = None, fields: Any = None, from_queryset: Any = None) -> None:
        """Also remember the new values, for `save`."""
        fields = None if fields is None else list(fields)
        super().refresh_from_db(using, list(fields) if fields else fields, from_queryset)
        self._remember(fields)

    def _remember(self, names: Collection[str] | None) -> None:
        """Remember the current values of these fields (None: of all), if the row was read from the database."""
        if not self.read_values:
            return
        for field in self._meta.concrete_fields:
            if field.attname in vars(self) and (names is None or {field.name, field.attname} & set(names)):
                self.read_values = {**self.read_values, field.attname: vars(self)[field.attname]}

    def check_password(self, raw_password: str | None) -> bool:
        """Whether this is the password; if so, renew an old hash.

        Django's own method would overwrite a password that changed since the row was read.
        """

        def keep(password: str) -> None:
            read = self.password
            self.set_password(password)
            self._password = None  # as Django does: not a change of password
            type(self).objects.filter(pk=self.pk, password=read).update(password=self.password)

        return check_password(raw_password, self.password, keep)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Also end sessions when `signed_out_at` changes; Django's own does so for the password."""
        digest = str(super()._get_session_auth_hash(secret=secret))  # type: ignore[misc]  # the stubs leave it out
        return f"{digest} {self.signed_out_at.timestamp()}" if self.signed_out_at else digest
