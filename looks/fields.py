"""Serializer fields of looks: pictures as files or base64, lists in forms, and prices."""

import base64
import io
from collections.abc import Callable
from decimal import Decimal
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.serializers import EMAIL_LENGTH, EmailAddress
from studio.api import strict_json
from studio.api.fields import ItemList
from studio.media.images import BadImage, ImageFile, read_image

Read = Callable[["IO[bytes] | File[Any]"], ImageFile]

READERS_MAX = 100  # of each kind
PRODUCT_MAX_SIDE = 1024  # pixels; only a thumbnail is stored
PRODUCT_MAX_PIXELS = 25_000_000  # one request may have fifty


def look_picture(file: "IO[bytes] | File[Any]") -> ImageFile:
    """Read the picture of a look. Raises BadImage."""
    return read_image(file, any_format=True, max_side=settings.LOOK_IMAGE_MAX_SIDE)


def product_picture(file: "IO[bytes] | File[Any]") -> ImageFile:
    """Read the picture of a product. Raises BadImage."""
    return read_image(file, any_format=True, max_side=PRODUCT_MAX_SIDE, max_pixels=PRODUCT_MAX_PIXELS)


@extend_schema_field({"type": "string", "format": "byte", "example": ""})
class PictureText(serializers.Field[ImageFile, Any, Any, Any]):
    """A picture in base64, bare or as a data URI. Its bytes decide its format; the media type of the URI is ignored."""

    default_error_messages = {
        "not_base64": "Must be an image in base64, bare or as data:image/png;base64,…",
        "bad_image": "{reason}",
    }

    def __init__(self, *, read: Read, **kwargs: Any) -> None:
        self.read = read
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("not_base64")
        try:
            return self.read(io.BytesIO(self._decoded(data)))
        except BadImage as exc:
            self.fail("bad_image", reason=str(exc))
        except ValueError:  # binascii's errors are ValueErrors
            self.fail("not_base64")

    def _decoded(self, data: str) -> bytes:
        """Raises ValueError. Decodes a little more than the limit at most, so that `read` refuses it as too large."""
        text = data
        if data[:5].lower() == "data:":
            head, _, text = data.partition(",")
            if not head.lower().endswith(";base64"):
                raise ValueError("not in base64")
        text = "".join(text.split()).rstrip("=")
        text = text[: (settings.IMAGE_MAX_BYTES // 3 + 2) * 4]
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


class ShortList(ItemList):
    """A list that is counted before its items are checked; in a form, a repeated field or one JSON text."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        self.most = most
        super().__init__(max_length=most, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if data == [""]:  # a form's empty list
            data = []
        if isinstance(data, list) and len(data) == 1 and self._is_text(data[0]):
            data = _parsed(data[0])
        if isinstance(data, list) and len(data) > self.most:
            self.fail("max_length", max_length=self.most)
        return super().to_internal_value(data)

    def _is_text(self, item: Any) -> bool:
        return isinstance(item, str) and item.startswith("[")


def _readers(**item: Any) -> dict[str, Any]:
    # without an example, pages that send requests from the schema fill in a reader who does not exist
    return {"type": "array", "items": {"type": "string", **item}, "maxItems": READERS_MAX, "example": []}


@extend_schema_field(_readers(format="uuid"))
class UserIds(ShortList):
    """A list of users' ids."""

    child = serializers.UUIDField()


@extend_schema_field(_readers(format="email", maxLength=EMAIL_LENGTH))
class EmailAddresses(ShortList):
    """A list of e-mail addresses in the one spelling that is stored."""

    child = EmailAddress(max_length=EMAIL_LENGTH)


@extend_schema_field({"type": "string", "example": '[{"name": "Silk dress", "price": "120.00", "currency": "EUR"}]'})
class ListText(ShortList):
    """A ShortList for a form that sends JSON text only; the schema shows a string."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators = []  # the schema would show the number of items as the length of the text

    def _is_text(self, item: Any) -> bool:
        return True


@extend_schema_field(
    {"oneOf": [{"type": "string", "pattern": r"^\d{0,10}(\.\d{0,2})?$"}, {"type": "number", "minimum": 0}]}
)
class Price(serializers.DecimalField):
    """An amount of money, as text or a number."""

    default_error_messages = {
        "invalid": "Must be a number, such as 120.00.",
        "min_value": "Must be at least {min_value}.",
        "max_digits": "Must have at most {max_digits} digits.",
        "max_decimal_places": "Must have at most {max_decimal_places} digits after the point.",
        "max_whole_digits": "Must have at most {max_whole_digits} digits before the point.",
        "max_string_length": "Must be a number, such as 120.00.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, min_value=Decimal(0), **kwargs)


def _parsed(text: Any) -> Any:
    try:
        return strict_json.parse(str(text).encode())  # str: a file may come instead
    except ValueError as exc:  # also half a surrogate pair, which cannot be encoded
        raise serializers.ValidationError("Must be a list, in JSON.") from exc
