"""The tables of the legacy system, and the columns of them that are read.

SQLAlchemy made them: ids are UUIDs, most of them in text columns; dates are in UTC, most without a time zone; nearly
every column may be NULL. The command names what is not in this list, and does not move it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column: its latest name, and its names in other versions."""

    name: str
    also: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True)
class Table:
    """A table; an optional one came with a later version, and counts as empty if it is missing."""

    name: str
    columns: tuple[Column, ...]
    is_required: bool = True


def _required(name: str, *also: str) -> Column:
    return Column(name, also, is_required=True)


_CREATED, _UPDATED = Column("created_at"), Column("updated_at")

USERS = Table(
    "users",
    (
        _required("id"),
        _required("email"),
        Column("password_hash", ("hashed_password", "password")),  # bcrypt; none if the user signs in with Google
        Column("google_id", ("google_sub", "google_user_id")),  # the `sub` of Google's ID tokens
        Column("email_verified", ("email_verified_at", "is_email_verified", "is_verified")),  # a boolean or a time
        Column("role"),  # an enum of user and admin; SQLAlchemy stores its names, in capitals
        Column("is_admin", ("is_superuser", "is_staff")),
        Column("status"),  # an enum of pending, active and suspended
        Column("is_active"),
        Column("last_login", ("last_login_at",)),
        _CREATED,
        _UPDATED,
    ),
)
SUBSCRIPTIONS = Table(
    "user_subscriptions",
    (
        _required("user_id"),
        _required("available_tokens", "tokens_remaining", "remaining_tokens"),
        Column("tier", ("plan",)),  # "ultimate" pays nothing
    ),
)
TRANSACTIONS = Table(
    "token_transactions",
    (_required("id"), _required("user_id"), _required("amount"), Column("balance_after"), _CREATED),
    is_required=False,
)
LOOKS = Table(
    "looks",
    (
        _required("id"),
        _required("user_id", "owner_id"),
        Column("title", ("name",)),
        Column("notes", ("description",)),
        _required("generated_image_url", "image_url"),
        Column("visibility"),  # private, shared or public
        _CREATED,
        _UPDATED,
    ),
)
PRODUCTS = Table(
    "products",
    (
        _required("id"),
        _required("look_id"),
        Column("sku"),
        Column("name", ("title",)),
        Column("designer", ("brand",)),
        Column("price"),
        Column("currency"),
        Column("product_url", ("url",)),
        Column("thumbnail_url", ("image_url",)),
        _CREATED,
    ),
    is_required=False,
)
SHARES = Table(
    "look_shares",
    (_required("look_id"), _required("user_id", "shared_with_user_id"), Column("shared_at", ("created_at",))),
    is_required=False,
)
JOBS = Table(
    "video_jobs",
    (
        _required("id"),
        _required("user_id"),
        Column("prompt"),
        _required("model"),
        _required("resolution"),
        _required("aspect_ratio"),
        Column("duration_seconds"),
        Column("generate_audio"),
        Column("mock_mode"),
        _required("status"),  # PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLED
        Column("error_message"),  # only staff read it here: it may quote the provider
        Column("progress_percentage"),
        Column("google_operation_name", ("operation_name",)),
        _required("cloudinary_url", "video_url"),
        Column("tokens_consumed", ("tokens_charged",)),
        Column("started_at"),
        Column("completed_at"),
        _CREATED,
        _UPDATED,
    ),
)
LINKS = Table(
    "look_videos",
    (_required("look_id"), _required("video_job_id", "video_id"), Column("is_default"), _CREATED),
    is_required=False,
)

TABLES = (USERS, SUBSCRIPTIONS, TRANSACTIONS, LOOKS, PRODUCTS, SHARES, JOBS, LINKS)
# Columns with URLs of files. One URL in two rows is one file; deleting one row must not remove it.
FILES = ((LOOKS, "generated_image_url"), (PRODUCTS, "thumbnail_url"), (JOBS, "cloudinary_url"))
