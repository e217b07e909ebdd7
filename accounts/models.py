"""Users, their token accounts, and the append-only ledger behind every balance."""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower

from studio.emails import normal_email, require_plain
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
        """Create a user who may do everything, for `manage.py createsuperuser`."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

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
    is_staff = models.BooleanField("admin", default=False)
    is_active = models.BooleanField(
        default=True, help_text="Unset to deactivate the user; their sign-in tokens stop at once."
    )
    signed_out_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Sessions and sign-in tokens from before are signed out."
    )

    # Whether the role is for the back office only. `accounts.sign_in.identity` reads it with the row, for the API.
    back_office_only: bool = False
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
        constraints = (models.CheckConstraint(name="user_email_is_lower_case", condition=Q(email=Lower("email"))),)

    def __str__(self) -> str:
        return self.email

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


class TokenAccount(Record):
    """What one user can spend. Only `accounts.ledger` writes the balance."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="token_account")
    balance = models.BigIntegerField(default=0)
    unlimited = models.BooleanField(default=False, help_text="Charges nothing; every job is still in the ledger.")
    video_job_count = models.PositiveIntegerField(  # `videos.limits` writes it
        default=0,
        db_default=0,
        db_column="video_jobs",  # its name in the releases that a rolling deploy replaces
        help_text="How many the user has; counting a million takes longer than showing a page.",
    )

    class Meta:
        ordering = ("user",)
        permissions = (("adjust_tokens", "Can grant tokens and correct balances"),)
        constraints = (models.CheckConstraint(name="balance_is_never_negative", condition=Q(balance__gte=0)),)

    def __str__(self) -> str:
        return f"tokens of {self.user}"


class AppendOnly(models.QuerySet["LedgerEntry"]):
    """Entries are added and read, and never changed; a correction is a new entry."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise TypeError("ledger entries are never changed; record a correction instead")

    def delete(self) -> NoReturn:
        """Refused."""
        raise TypeError("ledger entries are never deleted; record a correction instead")


class LedgerEntry(Record):
    """One movement of tokens. The balance of an account is the sum of its entries, at every commit."""

    class Kind(models.TextChoices):
        """Why tokens moved; the values are what the API shows."""

        SIGNUP = "signup"
        GRANT = "grant"
        CHARGE = "charge"
        REFUND = "refund"
        ADJUSTMENT = "adjustment"
        OPENING = "opening"

    account = models.ForeignKey(TokenAccount, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=20, choices=Kind)
    amount = models.BigIntegerField(help_text="Positive into the account, negative out of it.")
    balance_after = models.BigIntegerField()
    # No foreign key: the entry stays when the job is deleted.
    video_job_id = models.UUIDField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = AppendOnly.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "ledger entries"
        indexes = (
            # GET /tokens/ledger: an account's entries, newest first
            models.Index(fields=("account", "-created_at", "-id"), name="ledger_of_account"),
            # the back office: all entries, newest first
            models.Index(fields=("-created_at", "-id"), name="ledger_newest_first"),
        )
        constraints = (
            models.UniqueConstraint(
                name="one_entry_a_job_and_kind", fields=("video_job_id", "kind"), condition=~Q(video_job_id=None)
            ),
            models.UniqueConstraint(name="one_signup_an_account", fields=("account",), condition=Q(kind="signup")),
            models.UniqueConstraint(name="one_opening_an_account", fields=("account",), condition=Q(kind="opening")),
            models.CheckConstraint(
                name="job_entries_name_their_job",
                condition=Q(kind__in=("charge", "refund"), video_job_id__isnull=False)
                | Q(kind__in=("signup", "grant", "adjustment", "opening"), video_job_id__isnull=True),
            ),
            models.CheckConstraint(
                name="entry_moves_the_right_way",
                condition=Q(kind="charge", amount__lte=0)
                | Q(kind__in=("signup", "grant", "refund", "opening"), amount__gte=0)
                | Q(kind="adjustment"),
            ),
            models.CheckConstraint(name="balance_after_is_never_negative", condition=Q(balance_after__gte=0)),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.amount:+,} tokens"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new entry. Raises TypeError for a saved one."""
        if not self._state.adding:
            raise TypeError("ledger entries are never changed; record a correction instead")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise TypeError("ledger entries are never deleted; record a correction instead")


class SignInQuerySet(models.QuerySet["SignIn"]):
    """Attempts, with the query that the purge needs."""

    def older_than(self, moment: datetime) -> Self:
        """The attempts before the moment."""
        return self.filter(created_at__lt=moment)


class SignIn(Record):
    """One attempt to sign in, accepted or refused. What the client typed is not kept.

    `accounts.sign_in.history` writes one at every attempt, also for an unknown e-mail address: the time that a response
    takes must not show whether an account exists.
    """

    class Channel(models.TextChoices):
        """Where a user can sign in."""

        API = "api", "API"
        BACK_OFFICE = "admin", "Back office"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="sign_ins",
        db_index=False,  # the index below begins with it
        help_text="Empty: no account has the e-mail address that was typed.",
    )
    channel = models.CharField(max_length=10, choices=Channel, db_column="door")
    succeeded = models.BooleanField()
    client_ip = models.GenericIPAddressField(
        null=True, blank=True, db_column="address", help_text="Of IPv6, the network of the household."
    )
    client = models.CharField(max_length=300, blank=True, help_text="The program, as it calls itself.")

    objects = SignInQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # a user's page: their sign-ins, newest first
            models.Index(fields=("user", "-created_at", "-id"), name="sign_ins_of_user"),
            # all attempts, newest first; and the old ones to delete
            models.Index(fields=("-created_at", "-id"), name="sign_ins_newest_first"),
            # the list, from one client IP
            models.Index(fields=("client_ip", "-created_at"), name="sign_ins_of_address"),
        )
        constraints = (models.CheckConstraint(name="sign_in_door_is_known", condition=Q(channel__in=("api", "admin"))),)

    def __str__(self) -> str:
        return f"{self.get_channel_display()}, {self.created_at:%Y-%m-%d %H:%M:%S}"
