"""The tables of the system that this one replaces, and which of their columns are read.

Its definitions are SQLAlchemy's: ids are UUIDs, most of them in columns of text; dates are in UTC, most without saying
so; nearly everything may be NULL. What is not in this list is not moved, and the command says so.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column by the name of its latest definition, and by those that other versions have for the same."""

    name: str
    also: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True)
class Table:
    """A table; one that is not required came with a later version, and counts as empty where it is missing."""

    name: str
    columns: tuple[Column, ...]
    is_required: bool = True


def _must(name: str, *also: str) -> Column:
    return Column(name, also, is_required=True)


_CREATED, _UPDATED = Column("created_at"), Column("updated_at")

USERS = Table(
    "users",
    (
        _must("id"),
        _must("email"),
        Column("password_hash", ("hashed_password", "password")),  # bcrypt; it has none where people come by Google
        Column("role"),  # an enum of user and admin; SQLAlchemy stores the names, which are in capitals
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
        _must("user_id"),
        _must("available_tokens", "tokens_remaining", "remaining_tokens"),
        Column("tier", ("plan",)),  # "ultimate" pays nothing
    ),
)
TRANSACTIONS = Table(
    "token_transactions",
    (_must("id"), _must("user_id"), _must("amount"), Column("balance_after"), _CREATED),
    is_required=False,
)
LOOKS = Table(
    "looks",
    (
        _must("id"),
        _must("user_id", "owner_id"),
        Column("title", ("name",)),
        Column("notes", ("description",)),
        _must("generated_image_url", "image_url"),
        Column("visibility"),  # private, shared or public
        _CREATED,
        _UPDATED,
    ),
)
PRODUCTS = Table(
    "products",
    (
        _must("id"),
        _must("look_id"),
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
    (_must("look_id"), _must("user_id", "shared_with_user_id"), Column("shared_at", ("created_at",))),
    is_required=False,
)
JOBS = Table(
    "video_jobs",
    (
        _must("id"),
        _must("user_id"),
        Column("prompt"),
        _must("model"),
        _must("resolution"),
        _must("aspect_ratio"),
        Column("duration_seconds"),
        Column("generate_audio"),
        Column("mock_mode"),
        _must("status"),  # PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLED
        Column("error_message"),  # for staff here: it may quote the provider
        Column("progress_percentage"),
        Column("google_operation_name", ("operation_name",)),
        _must("cloudinary_url", "video_url"),
        Column("tokens_consumed", ("tokens_charged",)),
        Column("started_at"),
        Column("completed_at"),
        _CREATED,
        _UPDATED,
    ),
)
LINKS = Table(
    "look_videos",
    (_must("look_id"), _must("video_job_id", "video_id"), Column("is_default"), _CREATED),
    is_required=False,
)

TABLES = (USERS, SUBSCRIPTIONS, TRANSACTIONS, LOOKS, PRODUCTS, SHARES, JOBS, LINKS)
# Columns with the URLs of files; one URL in two rows is one file, which neither row may take away from the other.
FILES = ((LOOKS, "generated_image_url"), (PRODUCTS, "thumbnail_url"), (JOBS, "cloudinary_url"))
