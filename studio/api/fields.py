"""Serializer fields that every app uses."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from studio.errors import must_be_one_of
from studio.media.images import BadImage, read_picture


class Timestamp(serializers.DateTimeField):
    """A moment as the contract spells it: UTC, milliseconds, `Z`."""

    def to_representation(self, value: datetime) -> str:
        """`2025-11-02T10:30:00.000Z`."""
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class StrictBoolean(serializers.BooleanField):
    """`true` or `false` in any case, as JSON or as form text; nothing else is taken for one of them."""

    default_error_messages = {"invalid": "Must be true or false."}
    # DRF's HTML forms read a missing checkbox as false; here missing is missing.
    default_empty_html = serializers.empty

    def to_internal_value(self, data: Any) -> bool:
        """Raises ValidationError for anything but the two words."""
        if isinstance(data, bool):
            return data
        word = data.strip().lower() if isinstance(data, str) else None
        if word not in {"true", "false"}:
            self.fail("invalid", input=data)
        return word == "true"


class Choice(serializers.ChoiceField):
    """One of a few values; a refusal lists them."""

    def to_internal_value(self, data: Any) -> Any:
        """Raises ValidationError for any other value."""
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError as exc:
            raise serializers.ValidationError(must_be_one_of(self.choices, data), "invalid_choice") from exc


class ItemList(serializers.ListField):
    """A list."""

    default_error_messages = {
        "not_a_list": "Must be a list.",
        "max_length": "Must have at most {max_length} items.",
    }


class LengthAsSent(serializers.CharField):
    """The greatest length is that of what was sent, as in the schema; DRF would first cut off blanks at both ends."""

    def to_internal_value(self, data: Any) -> str:
        """Raises ValidationError for longer text, and where DRF does."""
        if self.max_length is not None and isinstance(data, str) and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        text: str = super().to_internal_value(data)
        return text


class Text(LengthAsSent):
    """Text, also in JSON: a number is no text, and to make one of it would change what was meant (1.10, 0012)."""

    default_error_messages = {"invalid": "Must be text."}

    def to_internal_value(self, data: Any) -> str:
        """Raises ValidationError for anything else."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WebAddress(LengthAsSent, serializers.URLField):
    """An absolute URL."""


class PictureField(serializers.FileField):
    """An uploaded image, decoded and checked: a `studio.media.images.Picture`. It must be a still one.

    No provider says what it makes of an animation.
    """

    default_error_messages = {
        "bad_image": "{reason}",
        "invalid": "Send it as a file of a multipart form.",
        "no_name": "The file has no name.",
        "empty": "The file is empty.",
    }

    def to_internal_value(self, data: Any) -> Any:
        """Raises ValidationError for anything that is not a picture that we take."""
        upload = super().to_internal_value(data)
        try:
            return read_picture(upload, still_only=True)
        except BadImage as exc:
            self.fail("bad_image", reason=str(exc))


class BlankAsNull(serializers.CharField):
    """Text that is shown as null where there is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_representation(self, value: str) -> str | None:  # type: ignore[override]  # that is its point
        """The text, or None."""
        return value or None


class StoredFileUrl(serializers.URLField):
    """The absolute URL of a stored file, null where there is none; shown by a RowSerializer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)


class FromColumns(serializers.Field[Any, Any, Any, Any]):
    """Mixed into a field that is shown from its own column and the columns `also`; by a RowSerializer."""

    also: tuple[str, ...] = ()

    def combined(self, value: Any, *others: Any) -> Any:
        """What to show for these values of the columns."""
        raise NotImplementedError


class Instead(FromColumns):
    """Mixed into a field: where the column `instead` has a value, shows that in place of its own."""

    def __init__(self, *, instead: str, **kwargs: Any) -> None:
        self.also = (instead,)
        super().__init__(**kwargs)

    def combined(self, value: Any, *others: Any) -> Any:
        """The other column's value where there is one."""
        return self.to_representation(value if others[0] in {None, ""} else others[0])


class ExtraField(serializers.SerializerMethodField):
    """Something that is no column of the row; whoever shows the row brings it along."""

    def __init__(self, shape: Any, **kwargs: Any) -> None:
        self.shape = shape
        super().__init__(**kwargs)

    def bind(self, field_name: str, parent: Any) -> None:
        """Without the method that a SerializerMethodField looks for."""
        serializers.Field.bind(self, field_name, parent)
