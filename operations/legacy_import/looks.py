"""Imports looks, their products and their shares."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Max

from accounts.models import User
from looks.models import Look, LookShare, Product, Visibility, search_text
from operations.legacy_import.mover import Item, Mover, uuids
from operations.legacy_import.schema import LOOKS, PRODUCTS, SHARES
from operations.legacy_import.source import Row
from operations.legacy_import.values import UnusableRow, amount, created_and_updated, file_name, identifier, short
from studio.media.storage import media_storage

UNTITLED, UNNAMED = "Untitled", "Unnamed"


class LookMover(Mover[Look]):
    """Looks; their pictures stay where they are."""

    table = LOOKS
    order = ("id",)

    def prepare(self, rows: Sequence[Row]) -> None:
        """Find the looks and the owners that exist here."""
        self._here = set(Look.objects.filter(pk__in=uuids(row["id"] for row in rows)).values_list("pk", flat=True))
        self._owners = existing_users(row["user_id"] for row in rows)

    def is_moved(self, row: Row) -> bool:
        return identifier(row["id"], of="id") in self._here

    def convert(self, row: Row, changes: list[str]) -> Look:
        """Build the look; drop an unusable picture. Raises UnusableRow if its owner does not exist here."""
        owner_id = identifier(row["user_id"], of="owner")
        if owner_id not in self._owners:
            raise UnusableRow(f"Its owner {owner_id} does not exist here.")
        created_at, updated_at = created_and_updated(row)
        title = short(row["title"], most=200, field="title", changes=changes).strip()
        visibility = str(row["visibility"] or "private").lower()
        if visibility not in Visibility.values:
            changes.append(f"The visibility {visibility!r} becomes private.")
            visibility = Visibility.PRIVATE
        picture = picture_name(row["generated_image_url"], self.shared_files, changes)
        look = Look(
            id=identifier(row["id"], of="id"),
            owner_id=owner_id,
            title=title or UNTITLED,
            notes=row["notes"] or "",
            visibility=visibility,
            image=picture,
            thumbnail=picture,
            created_at=created_at,
            updated_at=updated_at,
        )
        look.search_text = search_text(look, [])
        return look


class ProductMover(Mover[Product]):
    """Products, in the order in which they were added to their look."""

    table = PRODUCTS
    order = ("look_id", "created_at", "id")

    def prepare(self, rows: Sequence[Row]) -> None:
        """Find the products that exist here, and the next free position in each look."""
        self._here = set(Product.objects.filter(pk__in=uuids(row["id"] for row in rows)).values_list("pk", flat=True))
        looks = Look.objects.filter(pk__in=uuids(row["look_id"] for row in rows)).order_by()
        positions = looks.annotate(last=Max("products__position")).values_list("pk", "last")
        self._next = {look_id: 0 if last is None else last + 1 for look_id, last in positions}

    def is_moved(self, row: Row) -> bool:
        return identifier(row["id"], of="id") in self._here

    def convert(self, row: Row, changes: list[str]) -> Product:
        """Make a product at the end of its look. Raises UnusableRow if the look does not exist here."""
        look_id = identifier(row["look_id"], of="look")
        if look_id not in self._next:
            raise UnusableRow(f"Its look {look_id} does not exist here.")
        created_at, updated_at = created_and_updated(row)
        url = str(row["product_url"] or "").strip()
        if url and (len(url) > 2000 or not url.lower().startswith(("http://", "https://"))):
            changes.append("The product's URL is not http, or is too long, and is left out.")
            url = ""
        product = Product(
            id=identifier(row["id"], of="id"),
            look_id=look_id,
            position=self._next[look_id],
            sku=short(row["sku"], most=100, field="SKU", changes=changes),
            name=short(row["name"], most=200, field="name", changes=changes).strip() or UNNAMED,
            designer=short(row["designer"], most=200, field="designer", changes=changes),
            price=amount(row["price"], changes=changes),
            currency=short(row["currency"], most=3, field="currency", changes=changes).upper(),
            product_url=url,
            thumbnail=picture_name(row["thumbnail_url"], self.shared_files, changes),
            created_at=created_at,
            updated_at=updated_at,
        )
        self._next[look_id] += 1
        return product

    def write(self, items: Sequence[Item[Product]]) -> None:
        """Insert the products, and update the search text of their looks."""
        super().write(items)
        of_look: dict[uuid.UUID, list[Product]] = defaultdict(list)
        look_ids = {item.made.look_id for item in items}
        for product in Product.objects.filter(look__in=look_ids).order_by("look", "position"):
            of_look[product.look_id].append(product)
        looks = list(Look.objects.filter(pk__in=look_ids))
        for look in looks:
            look.search_text = search_text(look, of_look[look.pk])
        Look.objects.bulk_update(looks, ["search_text"])


class ShareMover(Mover[LookShare]):
    """The users with whom looks are shared."""

    table = SHARES
    order = ("look_id", "user_id")

    def prepare(self, rows: Sequence[Row]) -> None:
        """Find the looks, users and shares that exist here."""
        look_ids = uuids(row["look_id"] for row in rows)
        self._looks = set(Look.objects.filter(pk__in=look_ids).values_list("pk", flat=True))
        self._users = existing_users(row["user_id"] for row in rows)
        self._here = set(LookShare.objects.filter(look__in=look_ids).values_list("look_id", "user_id"))

    def is_moved(self, row: Row) -> bool:
        return (identifier(row["look_id"], of="look"), identifier(row["user_id"], of="user")) in self._here

    def convert(self, row: Row, changes: list[str]) -> LookShare:
        """Make a share. Raises UnusableRow if its look or user does not exist here."""
        look_id, user_id = identifier(row["look_id"], of="look"), identifier(row["user_id"], of="user")
        if look_id not in self._looks:
            raise UnusableRow(f"The look {look_id} does not exist here.")
        if user_id not in self._users:
            raise UnusableRow(f"The user {user_id} does not exist here.")
        self._here.add((look_id, user_id))
        created_at, updated_at = created_and_updated({"created_at": row["shared_at"]})
        return LookShare(look_id=look_id, user_id=user_id, created_at=created_at, updated_at=updated_at)

    def row_name(self, row: Row) -> str:
        """Name look and user: a share has no id of its own."""
        return f"look {row['look_id']}, user {row['user_id']}"


def existing_users(user_ids: Iterable[object]) -> set[uuid.UUID]:
    """Return the ids of those users who exist here; a deleted account gets nothing back."""
    return set(User.objects.filter(pk__in=uuids(user_ids), deleted_at=None).values_list("pk", flat=True))


def picture_name(url: object, shared_files: set[str], changes: list[str]) -> str:
    """Return the picture's file name here; "" and a note in `changes` if it is unusable."""
    if not url:
        return ""
    try:
        return file_name(url, storage=media_storage(), is_shared=url in shared_files)
    except UnusableRow as exc:
        changes.append(f"The picture is left out. {exc}")
        return ""
