"""Create, change and delete looks, and link videos to them.

Pictures are registered for removal before they are uploaded, and kept by the transaction that refers to them. The same
transaction registers the pictures that a change or a deletion leaves unused; they are removed in the background.
"""

import logging
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypedDict, TypeVar, Unpack

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction

from accounts.models import User
from looks import changes, idempotency
from looks.models import Look, LookEmailShare, LookShare, LookVideo, Product, search_text
from studio.errors import InvalidInput, NotFound
from studio.media.images import ImageFile, thumbnail_of
from studio.media.storage import disposal, store

logger = logging.getLogger(__name__)

Share = TypeVar("Share", LookShare, LookEmailShare)


class ProductFields(TypedDict, total=False):
    """A product in checked values; `name` is required. The `id` of one of the look's products updates that one."""

    id: uuid.UUID | None
    name: str
    sku: str
    designer: str
    price: Decimal | None
    currency: str
    product_url: str
    thumbnail: ImageFile


class LookFields(TypedDict, total=False):
    """Fields of a look, in checked values. Each list replaces the whole one.

    Nothing checks whether the addresses in `shared_with_emails` have accounts: a refusal would tell it.
    """

    title: str
    notes: str
    visibility: str
    image: ImageFile
    products: Sequence[ProductFields]
    shared_with_user_ids: Collection[uuid.UUID]
    shared_with_emails: Collection[str]  # in the spelling of `studio.emails`


def create_look(*, owner: User, idempotency_key: str = "", **fields: Unpack[LookFields]) -> Look:
    """Create a look, or return the one that the same key created before; `title` is required.

    Raises Conflict (the key came with another request, or its look is deleted) or InvalidInput, with nothing stored.
    """
    digest = idempotency.digest_of(fields) if idempotency_key else ""
    # before any check of the present state: the first request passed them
    if earlier := idempotency.earlier_look(owner_id=owner.pk, key=idempotency_key, digest=digest):
        return earlier
    _require_known(fields.get("shared_with_user_ids", ()))
    look = Look(owner=owner)
    try:
        with _pictures_stored(look.pk, fields) as stored, transaction.atomic():
            idempotency.spend(look=look, key=idempotency_key, digest=digest)
            products = _fill(look, fields, stored, products=[])
            look.save(force_insert=True)
            _write_parts(look, fields, products)
            disposal.adopt(*stored.names)
    except IntegrityError:
        # a concurrent request with the same key was faster
        if earlier := idempotency.earlier_look(owner_id=owner.pk, key=idempotency_key, digest=digest):
            return earlier
        raise
    logger.info("look.created", extra={"look_id": look.pk})
    return look


def update_look(*, look_id: uuid.UUID, **fields: Unpack[LookFields]) -> None:
    """Change these fields; a product without a new thumbnail keeps its old one.

    Raises NotFound or InvalidInput, with nothing changed.
    """
    _require_known(fields.get("shared_with_user_ids", ()))
    with _pictures_stored(look_id, fields) as stored, transaction.atomic():
        look = _locked(look_id)
        earlier = list(look.products.order_by("position"))
        pictures, shown = _pictures_of(look, earlier), _shown_by_videos(look)
        products = _fill(look, fields, stored, products=earlier)
        look.save(update_fields=[*_COLUMNS, "updated_at"])
        _write_parts(look, fields, products)
        disposal.adopt(*stored.names)
        disposal.dispose(pictures - _pictures_of(look, products))
        if _shown_by_videos(look) != shown:
            changes.record(_videos_of(look_id))
    logger.info("look.updated", extra={"look_id": look_id})


def delete_look(*, look_id: uuid.UUID) -> None:
    """Remove the look, its products and its links; the videos stay. Raises NotFound."""
    with transaction.atomic():
        look, videos = _locked(look_id), _videos_of(look_id)
        disposal.dispose(_pictures_of(look, look.products.all()))
        look.delete()
        changes.record(videos)
    logger.info("look.deleted", extra={"look_id": look_id})


def link(*, look_id: uuid.UUID, video_id: uuid.UUID) -> None:
    """Link the video to the look that it is made for; a repeat changes nothing.

    Call it in the transaction that creates the video, which records the creation. Raises NotFound where the look was
    deleted.
    """
    with transaction.atomic():
        look = _locked(look_id)
        LookVideo.objects.get_or_create(look=look, video_id=video_id)


_COLUMNS = ("title", "notes", "visibility", "image", "thumbnail", "image_width", "image_height", "search_text")


def _locked(look_id: uuid.UUID) -> Look:
    """Read the look and lock it against other changes, links and deletion. Raises NotFound."""
    # no_key: other transactions may still insert rows that refer to the look
    look = Look.objects.select_for_update(no_key=True).filter(pk=look_id).first()
    if look is None:
        raise NotFound("There is no such look.")
    return look


def _videos_of(look_id: uuid.UUID) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """The look's videos, each with its owner before it."""
    return list(LookVideo.objects.filter(look=look_id).order_by().values_list("video__owner", "video"))


def _shown_by_videos(look: Look) -> tuple[str, ...]:
    """What the jobs of the look's videos show of it."""
    return look.title, str(look.image.name), str(look.thumbnail.name)


def _require_known(user_ids: Collection[uuid.UUID]) -> None:
    known = set(User.objects.filter(pk__in=user_ids, deleted_at=None).values_list("pk", flat=True))
    unknown = [str(user_id) for user_id in user_ids if user_id not in known]
    if unknown:
        message = f"There is no user {', '.join(unknown)}."
        raise InvalidInput(errors={"sharedWithUserIds": [message]})


@dataclass
class _Stored:
    """The names of the files that one call uploads, by purpose."""

    look_id: uuid.UUID
    image: str = ""
    thumbnail: str = ""
    of_products: dict[int, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def put(self, role: str, picture: ImageFile) -> str:
        """Upload under a name that cannot be guessed; returns the stored name."""
        name = f"looks/{self.look_id}/{role}-{uuid.uuid4().hex}.{picture.extension}"
        disposal.register(name)
        self.names.append(name)
        return store(name=name, content=ContentFile(picture.data))


@contextmanager
def _pictures_stored(look_id: uuid.UUID, fields: LookFields) -> Iterator[_Stored]:
    """Upload the pictures; they are removed where the block raises."""
    stored = _Stored(look_id)
    try:
        if image := fields.get("image"):
            stored.image = stored.put("picture", image)
            stored.thumbnail = stored.put("thumbnail", thumbnail_of(image))
        for position, product in enumerate(fields.get("products", ())):
            if thumbnail := product.get("thumbnail"):
                stored.of_products[position] = stored.put("product", thumbnail_of(thumbnail))
        yield stored
    except BaseException:
        disposal.dispose(stored.names)
        raise


def _fill(look: Look, fields: LookFields, stored: _Stored, *, products: list[Product]) -> list[Product]:
    """Set the new values on the look; returns its new products. Writes nothing."""
    look.title = fields.get("title", look.title)
    look.notes = fields.get("notes", look.notes)
    look.visibility = fields.get("visibility", look.visibility)
    if stored.image:
        look.image.name, look.thumbnail.name = stored.image, stored.thumbnail
        look.image_width, look.image_height = fields["image"].width, fields["image"].height
    if "products" in fields:
        earlier = {product.pk: product for product in products}
        products = []
        for position, values in enumerate(fields["products"]):
            product_id = values.get("id") or uuid.uuid4()
            # popped: where an id is sent twice, the second one is a new product
            products.append(_product(look, values, position, stored, earlier.pop(product_id, None)))
    look.search_text = search_text(look, products)
    return products


def _product(look: Look, values: ProductFields, position: int, stored: _Stored, earlier: Product | None) -> Product:
    thumbnail = stored.of_products.get(position) or (earlier.thumbnail.name if earlier else "")
    return Product(
        id=earlier.pk if earlier else uuid.uuid4(),
        look=look,
        position=position,
        name=values["name"],
        sku=values.get("sku", ""),
        designer=values.get("designer", ""),
        price=values.get("price"),
        currency=values.get("currency", ""),
        product_url=values.get("product_url", ""),
        thumbnail=thumbnail,
    )


def _write_parts(look: Look, fields: LookFields, products: list[Product]) -> None:
    """Write the products and shares of a look that is saved and locked."""
    if "products" in fields:
        look.products.all().delete()
        Product.objects.bulk_create(products)
    if "shared_with_user_ids" in fields:
        _replace_shares(look, LookShare, "user_id", set(fields["shared_with_user_ids"]))
    if "shared_with_emails" in fields:
        _replace_shares(look, LookEmailShare, "email", set(fields["shared_with_emails"]))


def _replace_shares(look: Look, model: type[Share], column: str, readers: set[Any]) -> None:
    model.objects.filter(look=look).exclude(**{f"{column}__in": readers}).delete()
    rows = [model(look=look, **{column: reader}) for reader in sorted(readers)]
    model.objects.bulk_create(rows, ignore_conflicts=True)


def _pictures_of(look: Look, products: Collection[Product]) -> set[str]:
    files = [look.image, look.thumbnail, *(product.thumbnail for product in products)]
    return {str(file.name) for file in files if file}
