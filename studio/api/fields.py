"""Serializer fields for all apps."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from studio.errors import must_be_one_of
from studio.media.images import BadImage, ImageFile, read_image


class Timestamp(serializers.DateTimeField):
    """A moment in UTC, with milliseconds and `Z`: `2025-11-02T10:30:00.000Z`."""

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(UTC).isoformat("T", "milliseconds").replace("+00:00", "Z")


class StrictBoolean(serializers.BooleanField):
    """`true` or `false` in any case, as JSON or as form text, and nothing else."""

    default_error_messages = {"invalid": "Must be true or false."}
    # DRF reads a missing field of a form as false, like an HTML checkbox.
    default_empty_html = serializers.empty

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(data, bool):
            return data
        word = data.strip().lower() if isinstance(data, str) else None
        if word not in {"true", "false"}:
            self.fail("invalid", input=data)
        return word == "true"


class WholeNumber(serializers.IntegerField):
    """A whole number from `least` to `most`, with one sentence for every other value."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        mistakes = ("invalid", "min_value", "max_value", "max_string_length")
        messages: dict[str, Any] = dict.fromkeys(mistakes, f"Must be a whole number from {least} to {most}.")
        super().__init__(min_value=least, max_value=most, error_messages=messages, **kwargs)


class Choice(serializers.ChoiceField):
    """One of a few values, which the error message lists."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError as exc:
            raise serializers.ValidationError(must_be_one_of(self.choices, data), "invalid_choice") from exc


class ItemList(serializers.ListField):
    """A list with plain error messages."""

    default_error_messages = {
        "not_a_list": "Must be a list.",
        "max_length": "Must have at most {max_length} items.",
    }


class LengthAsSent(serializers.CharField):
    """Checks `max_length` on the text as sent, as the schema says; DRF trims it first."""

    def to_internal_value(self, data: Any) -> str:
        if self.max_length is not None and isinstance(data, str) and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        text: str = super().to_internal_value(data)
        return text


class Text(LengthAsSent):
    """Text, also in JSON: a number is refused, because converting it would change its meaning (1.10, 0012)."""

    default_error_messages = {"invalid": "Must be text."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WebAddress(LengthAsSent, serializers.URLField):
    """An absolute URL."""


def still_picture(file: Any) -> ImageFile:
    """Read a picture. Raises BadImage for an animation: no provider documents how it treats one."""
    return read_image(file, still_only=True)


class PictureField(serializers.FileField):
    """An uploaded image, decoded and checked by the function `read`."""

    default_error_messages = {
        "bad_image": "{reason}",
        "invalid": "Send it as a file of a multipart form.",
        "no_name": "The file has no name.",
        "empty": "The file is empty.",
    }

    def __init__(self, *, read: Callable[[Any], ImageFile] = still_picture, **kwargs: Any) -> None:
        self.read = read
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        upload = super().to_internal_value(data)
        try:
            return self.read(upload)
        except BadImage as exc:
            self.fail("bad_image", reason=str(exc))


class BlankAsNull(serializers.CharField):
    """Text; null if it is empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_representation(self, value: str) -> str | None:  # type: ignore[override]  # None is why this class exists
        return value or None


class StoredFileUrl(serializers.URLField):
    """The absolute URL of a stored file, or null. For RowSerializer only."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)


class FromColumns(serializers.Field[Any, Any, Any, Any]):
    """Mixin for a field that is computed from its own column and the columns `also`. For RowSerializer only."""

    also: tuple[str, ...] = ()

    def combined(self, value: Any, *others: Any) -> Any:
        """The representation for these values of the columns."""
        raise NotImplementedError


class Overridable(FromColumns):
    """Mixin for a field that shows the column `override` if that has a value, else its own column."""

    def __init__(self, *, override: str, **kwargs: Any) -> None:
        self.also = (override,)
        super().__init__(**kwargs)

    def combined(self, value: Any, *others: Any) -> Any:
        return self.to_representation(value if others[0] in {None, ""} else others[0])


class ExtraField(serializers.SerializerMethodField):
    """A field without a column, whose value the caller passes to `RowSerializer.serialize`."""

    def __init__(self, shape: Any, **kwargs: Any) -> None:
        self.shape = shape
        super().__init__(**kwargs)

    def bind(self, field_name: str, parent: Any) -> None:
        # without the method that SerializerMethodField requires
        serializers.Field.bind(self, field_name, parent)
