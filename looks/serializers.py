"""Serializers of looks: what clients send, and what the API returns."""

import re
import uuid
from typing import Any

from django.conf import settings
from django.core.validators import URLValidator
from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from looks.fields import (
    READERS_MAX,
    EmailAddresses,
    ListText,
    PictureText,
    Price,
    ShortList,
    UserIds,
    look_picture,
    product_picture,
)
from looks.models import Look, LookVideo, Product, Visibility
from studio.api.field_names import Spelled, Spellings
from studio.api.fields import BlankAsNull, Choice, ExtraField, PictureField, StoredFileUrl, Text, Timestamp, WebAddress
from studio.api.input_serializers import Input, PageQuery, names_of
from studio.media.images import MORE_FORMATS, listed

TITLE_MAX, NOTES_MAX, SEARCH_MAX = 200, 10_000, 200  # characters
PRODUCTS_MAX = 50
CHANGED_BY = {"sharedWith": "sharedWithUserIds", "generatedImageUrl": "generatedImageBase64"}  # output to input field
# a form's file with the picture of the product at this index
THUMBNAIL = re.compile(r"(?:productThumbnail|product_thumbnail)(?:\.(\d{1,4})|\[(\d{1,4})\])")
_KINDS = (
    f"{listed(MORE_FORMATS)}, at most {settings.IMAGE_MAX_BYTES // settings.MIB} MiB; of an animation, the first frame."
)
_IN_A_FORM = "In a form, a repeated field; one empty text stands for an empty list."
_IN_BASE64 = f"In base64, bare or as a data URI: {_KINDS}"


class ProductInput(Input):
    """A product of the look. A PATCH may send back what a GET returned; its `thumbnailUrl` is ignored."""

    id = Text(
        required=False,
        allow_blank=True,
        help_text="In PATCH: the id of one of the look's products, to keep its thumbnail. Other ids are ignored.",
    )
    name = Text(max_length=200)
    sku = Text(required=False, max_length=100, allow_blank=True)
    designer = Text(required=False, max_length=200, allow_blank=True)
    price = Price(required=False)
    currency = serializers.RegexField(
        r"\A[A-Za-z]{3}\Z",
        required=False,
        allow_blank=True,
        help_text="Three letters, as in ISO 4217.",
        error_messages={"invalid": "Must be three letters, such as EUR."},
    )
    productUrl = WebAddress(
        source="product_url",
        required=False,
        allow_blank=True,
        max_length=2000,
        validators=[URLValidator(schemes=("http", "https"))],
        help_text="http or https.",
    )
    thumbnailBase64 = PictureText(
        source="thumbnail", required=False, read=product_picture, help_text=f"Its picture. {_IN_BASE64}"
    )

    def shown_names(self) -> Spellings | None:
        return names_of(ProductOutput) if self.root.partial else None

    def validate_id(self, value: str) -> uuid.UUID | None:
        """Return None for text that is not a UUID: clients may send ids of their own for new products."""
        try:
            return uuid.UUID(value)
        except ValueError:
            return None

    def validate_currency(self, value: str) -> str:
        return value.upper()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A PATCH may leave out the look's fields, but a product's name is never optional."""
        if "name" not in attrs:
            raise serializers.ValidationError({"name": "This field is required."})
        return attrs


class LookInput(Input):
    """A look as JSON.

    A PATCH may send back the whole look as a GET returned it, with changes: read-only fields (`id`, `videos`,
    `createdAt` …) are ignored there. `sharedWith` and `generatedImageUrl` are changed by other fields, so a PATCH must
    send them unchanged. A POST refuses all these names: a client that creates a look with a `generatedImageUrl` expects
    a picture, and would get none.
    """

    title = Text(max_length=TITLE_MAX, help_text="The look's title.")
    notes = Text(required=False, allow_blank=True, max_length=NOTES_MAX, help_text="Free text.")
    visibility = Choice(
        choices=Visibility.choices,
        required=False,
        help_text="Who may read it besides its owner: the users in `sharedWithUserIds` and `sharedWithEmails`, or "
        "everyone signed in. A new look is `private`.",
    )
    sharedWithUserIds = UserIds(
        source="shared_with_user_ids",
        required=False,
        most=READERS_MAX,
        help_text=f'The users who may read it while its visibility is "shared": the whole list. {_IN_A_FORM}',
    )
    sharedWithEmails = EmailAddresses(
        source="shared_with_emails",
        required=False,
        most=READERS_MAX,
        help_text=(
            "More such readers, by e-mail address: the whole list. An address counts for the account that has verified "
            f"it, as soon as there is one; the response does not show whether there is. {_IN_A_FORM}"
        ),
    )
    products = ShortList(child=ProductInput(), required=False, most=PRODUCTS_MAX, help_text="The whole list.")
    generatedImageBase64 = PictureText(
        source="image", required=False, read=look_picture, help_text=f"The look's picture as text. {_IN_BASE64}"
    )

    def shown_names(self) -> Spellings | None:
        return names_of(LookOutput) if self.partial else None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError for a change that would be lost, such as a reader removed from `sharedWith` only."""
        sent = {
            name: field
            for name, field in CHANGED_BY.items()
            if name in self.sent_back and self.fields[field].source not in attrs
        }
        shown = self.context["current_output"]() if sent else {}
        lost = {
            self.sent_back[name].spelling: f'Is changed by "{field}" only. Omit it, or send it unchanged.'
            for name, field in sent.items()
            if self.sent_back[name].value not in (None, shown[name])
        }
        if lost:
            raise serializers.ValidationError(lost)
        return attrs


@extend_schema_serializer(component_name="Look")
class LookForm(LookInput):
    """A look to create or to change, with its pictures."""

    extra_names = ("productThumbnail.0",)

    products = ListText(
        child=ProductInput(),
        required=False,
        most=PRODUCTS_MAX,
        help_text=(
            f"All products, at most {PRODUCTS_MAX}, as a JSON list of objects: `name` (required), `sku`, `designer`, "
            "`price` (such as 120.00), `currency` (such as EUR), `productUrl`, `thumbnailBase64`, and in a PATCH `id`, "
            "to keep the picture of an existing product. A product's picture can also be a file of this form, called "
            "`productThumbnail.0` for the first product, `productThumbnail.1` for the second, and so on."
        ),
    )
    generatedImage = PictureField(
        source="image", required=False, read=look_picture, help_text=f"The look's picture. {_KINDS}"
    )

    def find(self, spelling: str) -> Spelled | None:
        if match := THUMBNAIL.fullmatch(spelling):
            return Spelled(f"productThumbnail.{match[1] or match[2]}")
        return super().find(spelling)

    def to_internal_value(self, data: Any) -> Any:
        """Adds each product's file to the product."""
        if "generatedImage" in data and data.get("generatedImageBase64"):
            raise serializers.ValidationError(
                {"generatedImage": "Give either generatedImage or generatedImageBase64, not both."}
            )
        values = super().to_internal_value(data)
        self._add_thumbnails(values.get("products", []), data)
        return values

    def _add_thumbnails(self, products: list[dict[str, Any]], data: QueryDict) -> None:
        errors: dict[str, Any] = {}
        field = PictureField(read=product_picture)
        for name in data:
            if not (match := THUMBNAIL.fullmatch(name)):
                continue
            index = int(match[1])
            if index >= len(products):
                errors[name] = ["There is no product with this index."]
                continue
            try:
                products[index]["thumbnail"] = field.run_validation(data[name])
            except serializers.ValidationError as exc:
                errors[name] = exc.detail
        if errors:
            raise serializers.ValidationError(errors)


@extend_schema_serializer(component_name="Product")
class ProductOutput(serializers.Serializer[Product]):
    """A product of a look."""

    id = serializers.UUIDField(help_text="The product's id.")
    sku = serializers.CharField(help_text="The stock keeping unit; empty if unknown.")
    name = serializers.CharField(help_text="The product's name.")
    designer = serializers.CharField(help_text="The designer; empty if unknown.")
    price = serializers.DecimalField(
        max_digits=12, decimal_places=2, allow_null=True, help_text="As text with two decimals; null if unknown."
    )
    currency = serializers.CharField(help_text="Three letters, as in ISO 4217; empty if unknown.")
    productUrl = BlankAsNull(source="product_url", help_text="Where it is sold; null if unknown.")
    thumbnailUrl = StoredFileUrl(source="thumbnail", help_text="Its picture; null if it has none.")


class Reader(serializers.Serializer[Any]):
    """A user whom the look is shared with."""

    id = serializers.UUIDField(help_text="The account's id.")
    email = serializers.CharField(help_text="The account's e-mail address.")


# The values are in the videos app, which this app must not import.
@extend_schema_field({"$ref": "#/components/schemas/VideoStatus"})
class VideoStatus(serializers.CharField):
    """The public status of a video's phase, as video jobs show it."""

    def to_representation(self, value: str) -> str:
        model: Any = LookVideo._meta.get_field("video").related_model
        return str(model.status_of(value))


class VideoOfLook(serializers.Serializer[LookVideo]):
    """A video made for the look."""

    id = serializers.UUIDField(source="video.id", help_text="The id of the video job.")
    status = VideoStatus(source="video.phase", help_text="The status of the video job.")
    cloudinaryUrl = StoredFileUrl(source="video.video", help_text="The public URL of the video; null until SUCCEEDED.")
    posterUrl = StoredFileUrl(
        source="video.poster", help_text="A still of the video; without one, the look's thumbnail."
    )
    isDefault = serializers.BooleanField(source="is_default", help_text="true: this video is the look's default.")
    createdAt = Timestamp(source="video.created_at", help_text="When the video job was created.")
    progressPercentage = serializers.IntegerField(
        source="video.progress_percentage", min_value=0, max_value=100, help_text="100 only when SUCCEEDED."
    )


@extend_schema_serializer(component_name="Look")
class LookOutput(serializers.Serializer[Look]):
    """A look."""  # compiled by looks.representation

    id = serializers.UUIDField(help_text="The look's id.")
    title = serializers.CharField(help_text="The look's title.")
    notes = serializers.CharField(help_text="Empty if there are none.")
    generatedImageUrl = StoredFileUrl(source="image", help_text="The look's picture; null if it has none.")
    thumbnailUrl = StoredFileUrl(source="thumbnail", help_text="The same picture, 512 pixels at most, for lists.")
    products = ExtraField(ProductOutput(many=True), help_text="Its products, in their order.")
    visibility = serializers.ChoiceField(choices=Visibility.choices, help_text="Who may read it besides its owner.")
    sharedWith = ExtraField(Reader(many=True), help_text="Shown to the owner and admins; empty for others.")
    sharedWithEmails = ExtraField(
        serializers.ListField(child=serializers.EmailField()),
        help_text="The addresses that it is shared with, sorted. Shown to the owner and admins; empty for others.",
    )
    videos = ExtraField(
        VideoOfLook(many=True),
        help_text="Newest first. The owner and admins see all of them, other readers the ones that succeeded.",
    )
    canEdit = ExtraField(
        serializers.BooleanField(), help_text="true: the caller may change and delete it, as its owner or as an admin."
    )
    createdAt = Timestamp(source="created_at", help_text="When the look was created.")
    updatedAt = Timestamp(source="updated_at", help_text="When the look last changed.")


class ListQuery(PageQuery):
    """The filters of the list."""

    view = Choice(
        choices=("mine", "shared", "public"),
        default="mine",
        allow_blank=True,
        help_text="The caller's own looks, looks that are shared with the caller, or all public ones.",
    )
    search = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=SEARCH_MAX,
        help_text="Part of a title, of notes, or of a product's name, SKU or designer; in any case.",
    )

    def validate_view(self, value: str) -> str:
        """HTML forms send a filter that is not set as an empty text."""
        return value or "mine"
