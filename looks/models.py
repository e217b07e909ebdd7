"""Looks (pictures of outfits) with their products, readers and videos."""

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import JSONObject, Lower
from django.utils import timezone

from studio.db.json_rows import JSONRows
from studio.db.statements import Param
from studio.media.storage import media_storage
from studio.models import Record

if TYPE_CHECKING:
    from accounts.models import User


def searchable(text: str) -> str:
    """Fold case and spelling of stored text and search terms alike; SQLite alone would not match É with é."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", " ".join(text.split())).casefold())


def search_text(look: "Look", products: "Iterable[Product]") -> str:
    """The text that a search covers."""
    texts = [look.title, look.notes]
    for product in products:
        texts += [product.name, product.sku, product.designer]
    return "\n".join(map(searchable, texts))


class _Count(Subquery):
    """The number of rows of a query, as a value in another query."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = models.IntegerField()


class Visibility(models.TextChoices):
    """Who may read a look besides its owner and admins. The API shows these values."""

    PRIVATE = "private"
    SHARED = "shared"
    PUBLIC = "public"


class LookQuerySet(models.QuerySet["Look"]):
    """Filters and annotations for lists of looks."""

    def shared_with(self, user: "User | Param", *, verified_email: "str | Param | None") -> Self:
        """Other users' looks that are shared with the user, or with the address that the user has verified."""
        # IN, not EXISTS, which SQLite would run for every look; a union, as PostgreSQL would scan all looks for an OR
        by_user = LookShare.objects.filter(user=user).order_by().values("look")
        by_email = LookEmailShare.objects.filter(email=verified_email).order_by().values("look")
        shared = by_user.union(by_email, all=True)
        return self.filter(visibility=Visibility.SHARED, pk__in=shared).exclude(owner=user)

    def public(self) -> Self:
        """Looks that every signed-in user may read."""
        return self.filter(visibility=Visibility.PUBLIC)

    def search(self, text: str) -> Self:
        """Looks with the text in the title, the notes, or a product's name, SKU or designer; blank matches all."""
        wanted = searchable(text)
        return self.filter(search_text__contains=wanted) if wanted else self.all()

    def with_readers(self) -> Self:
        """Adds the lists `readers` (users, with id and e-mail address) and `emails`; None where a look has none."""
        readers = (
            LookShare.objects.filter(look=OuterRef("pk"), user__deleted_at=None)  # the background removes the rows
            .order_by()
            .values("look")
            .values(readers=JSONRows(JSONObject(id="user_id", email="user__email")))
        )
        emails = (
            LookEmailShare.objects.filter(look=OuterRef("pk")).order_by().values("look").values(rows=JSONRows("email"))
        )
        return self.annotate(readers=Subquery(readers), emails=Subquery(emails))

    def counted(self) -> Self:
        """Adds `total` to each row: the number of matching looks, whatever the later slice."""
        # not COUNT(*) OVER (): that reads every row in full where an index would do (4 times as long for 20,000)
        return self.annotate(total=_Count(self.order_by().values("pk")))


class Look(Record):
    """A look: its picture, texts and visibility."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="looks")
    title = models.CharField(max_length=200)
    notes = models.TextField(blank=True, max_length=10_000)
    image = models.FileField(storage=media_storage, max_length=300, blank=True)
    thumbnail = models.FileField(storage=media_storage, max_length=300, blank=True, help_text="For lists.")
    # Of `image`, so that a page can reserve its place. Null for pictures of release 1.1 and of the legacy system.
    image_width = models.IntegerField(null=True, editable=False, help_text="In pixels.")
    image_height = models.IntegerField(null=True, editable=False, help_text="In pixels.")
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.PRIVATE)
    # kept while the visibility is another one, without effect
    shared_with = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="LookShare", related_name="looks_shared_with_me", blank=True
    )
    search_text = models.TextField(blank=True, editable=False, help_text="The text that a search covers.")

    objects = LookQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # GET /looks?view=mine: a user's looks, newest first
            models.Index(fields=("owner", "-created_at", "-id"), name="looks_of_owner"),
            # GET /looks?view=public: newest first
            models.Index(fields=("-created_at", "-id"), condition=Q(visibility="public"), name="looks_public"),
        )
        constraints = (
            models.CheckConstraint(
                name="visibility_is_known", condition=Q(visibility__in=("private", "shared", "public"))
            ),
            models.CheckConstraint(name="look_has_a_title", condition=~Q(title="")),
            models.CheckConstraint(
                name="thumbnail_if_and_only_if_image",
                condition=Q(image="", thumbnail="") | (~Q(image="") & ~Q(thumbnail="")),
            ),
        )

    def __str__(self) -> str:
        return self.title

    def get_additional_data(self) -> dict[str, str]:
        """For auditlog: the owner, so that a deleted account's texts are found after the look is gone."""
        return {"owner": str(self.owner_id)}


class LookShare(Record):
    """A user who may read a look while its visibility is "shared"."""

    look = models.ForeignKey(Look, on_delete=models.CASCADE, related_name="shares")
    # its index serves GET /looks?view=shared
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="look_shares")

    class Meta:
        ordering = ("created_at", "id")
        constraints = (models.UniqueConstraint(name="one_share_a_look_and_user", fields=("look", "user")),)

    def __str__(self) -> str:
        return f"share {self.pk}"


class LookEmailShare(Record):
    """An e-mail address whose owner may read a look while its visibility is "shared".

    It counts for the account that has verified the address, whenever that account is made. So the row does not tell
    whether there is one.
    """

    look = models.ForeignKey(
        Look,
        on_delete=models.CASCADE,
        related_name="email_shares",
        db_index=False,  # the index of the unique constraint begins with it
    )
    email = models.EmailField()

    class Meta:
        ordering = ("email",)
        # GET /looks?view=shared: the looks of an address
        indexes = (models.Index(fields=("email", "look"), name="email_shares_of_address"),)
        constraints = (
            models.UniqueConstraint(name="one_share_a_look_and_email", fields=("look", "email")),
            models.CheckConstraint(name="email_share_is_lower_case", condition=Q(email=Lower("email"))),
        )

    def __str__(self) -> str:
        return f"share {self.pk}"


class LookLink(Record):
    """An address under which everyone can see a look, whatever its visibility, until the link ends.

    The token is stored as it is, not as a hash: its owner wants to copy the address again weeks later. Who reads this
    table reads the looks' own rows as well.
    """

    look = models.ForeignKey(Look, on_delete=models.CASCADE, related_name="links", db_index=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token = models.CharField(max_length=26, unique=True, editable=False, help_text="The secret part of the address.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_viewed_at = models.DateTimeField(null=True, blank=True, help_text="To the hour.")

    class Meta:
        ordering = ("-created_at", "-id")
        # GET /looks/{id}/links: newest first
        indexes = (models.Index(fields=("look", "-created_at", "-id"), name="links_of_look"),)

    def __str__(self) -> str:
        return f"link {self.short_id}"


class LookKey(Record):
    """An idempotency key, from the creation of its look until its day is over; written by `looks.idempotency`."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    look_id = models.UUIDField(help_text="No foreign key: the key stays spent when its look is deleted.")
    used_at = models.DateTimeField(default=timezone.now, help_text="When it created the look.")

    class Meta:
        ordering = ("used_at", "id")
        # the sweeper: keys whose day is over
        indexes = (models.Index(fields=("used_at",), name="look_keys_by_age"),)
        constraints = (
            models.UniqueConstraint(name="one_look_a_key", fields=("owner", "key")),
            models.CheckConstraint(name="look_key_is_not_blank", condition=~Q(key="")),
        )

    def __str__(self) -> str:
        return f"key {self.pk}"


class Product(Record):
    """A product of a look, with a link to buy it."""

    look = models.ForeignKey(Look, on_delete=models.CASCADE, related_name="products")
    position = models.PositiveSmallIntegerField()
    sku = models.CharField("SKU", max_length=100, blank=True)
    name = models.CharField(max_length=200)
    designer = models.CharField(max_length=200, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, help_text="Three letters, as in ISO 4217.")
    product_url = models.CharField("URL", max_length=2000, blank=True)
    thumbnail = models.FileField(storage=media_storage, max_length=300, blank=True)

    class Meta:
        ordering = ("look", "position")
        constraints = (
            models.UniqueConstraint(name="one_product_a_place", fields=("look", "position")),
            models.CheckConstraint(name="product_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(name="price_is_never_negative", condition=Q(price=None) | Q(price__gte=0)),
            models.CheckConstraint(  # any other scheme could run as a script on a click
                name="product_url_is_http",
                condition=Q(product_url="")
                | Q(product_url__istartswith="http://")
                | Q(product_url__istartswith="https://"),
            ),
        )

    def __str__(self) -> str:
        return self.name


class LookVideo(Record):
    """A video of a look, in the table `look_videos`."""

    look = models.ForeignKey(Look, on_delete=models.CASCADE, related_name="look_videos")
    # its index serves `associatedLooks` of GET /video-jobs
    video = models.ForeignKey("videos.VideoJob", on_delete=models.CASCADE, related_name="look_videos")
    is_default = models.BooleanField(default=False, help_text="Whether the video is the look's default.")

    class Meta:
        db_table = "look_videos"
        ordering = ("look", "created_at", "id")
        constraints = (
            models.UniqueConstraint(name="one_row_a_look_and_video", fields=("look", "video")),
            models.UniqueConstraint(name="one_default_a_look", fields=("look",), condition=Q(is_default=True)),
        )

    def __str__(self) -> str:
        return f"look video {self.pk}"
