"""Serializers for request bodies and query strings: they accept every spelling of a field's name, and no unknown name.

Without that, a client that misspells `lookId` would pay for a video without its look. Names are checked before values,
because a wrong name often causes the other errors.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from django.core.files import File
from django.utils.datastructures import MultiValueDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty
from rest_framework.request import Request

from studio.api.field_names import Spelled, Spellings, shortened

UNKNOWN_FIELD = "unknown_field"
UNKNOWN_MAX = 10  # unknown names that an error response lists; a body can have a million


class _Part(NamedTuple):
    """A name as sent, with its values: one in JSON, several if a form repeats it."""

    spelling: str
    values: list[Any]
    position: int | None


class SentBack(NamedTuple):
    """A field of a response that a client sends back."""

    spelling: str
    value: Any


class NamedInput(serializers.Serializer[Any]):
    """The base of `Input` and `QueryInput`: accepts all spellings, and reports errors in the client's own spelling."""

    extra_names: tuple[str, ...] = ()  # documented names that have no field

    @classmethod
    @cache
    def spellings(cls) -> Spellings:
        """The names that clients may send."""
        fields = {name: field for name, field in cls().fields.items() if not field.read_only}
        lists = [name for name, field in fields.items() if isinstance(field, serializers.ListField)]
        return Spellings([*fields, *cls.extra_names], lists=lists)

    def get_fields(self) -> dict[str, Any]:
        """Copies of the declared fields. DRF constructs each one anew: 0.3 ms for a job's form, 5 % of its creation."""
        return {name: _copied(field) for name, field in self._declared_fields.items()}

    def find(self, spelling: str) -> Spelled | None:
        """The documented name for a client's spelling; None if unknown."""
        return self.spellings().find(spelling)

    def run_validation(self, data: Any = empty) -> Any:
        """Validate like DRF, and report unknown names with the code `unknown_field`."""
        if data is empty:
            return super().run_validation(data)
        if not isinstance(data, Mapping):
            raise _body_error("The body must be a JSON object." if self.root is self else "Must be an object.")
        refused: dict[str, ErrorDetail] = {}
        sent: dict[str, list[_Part]] = {}
        for part, found in self._known_parts(data, refused):
            sent.setdefault(found.name, []).append(part)
        if refused:
            raise serializers.ValidationError({name: [message] for name, message in refused.items()})
        spelled = {name: parts[-1].spelling for name, parts in sent.items()}
        values = {name: self._one(name, parts) for name, parts in sent.items()}
        if self.root is self and (request := self.context.get("request")):
            request.spelled = spelled  # studio.api.views uses it if a use case refuses a value
        try:
            return super().run_validation(self._as_read(values, data))
        except serializers.ValidationError as exc:
            raise serializers.ValidationError(respelled(exc.detail, spelled)) from exc

    def _known_parts(self, data: Mapping[str, Any], refused: dict[str, ErrorDetail]) -> Iterator[tuple[_Part, Spelled]]:
        """Yield each known name with its documented one; add an error to `refused` for any other."""
        raise NotImplementedError

    def _as_read(self, values: dict[str, list[Any]], data: Mapping[str, Any]) -> Any:
        """The values under their documented names, in the form that DRF's fields read."""
        is_list = self.spellings().is_list
        return {name: sent if is_list(name) else sent[-1] for name, sent in values.items()}

    def _one(self, name: str, parts: Sequence[_Part]) -> list[Any]:
        """The values of a name, if all its spellings agree. Raises ValidationError if they differ."""
        whole = [part for part in parts if part.position is None]
        if items := sorted((part for part in parts if part.position is not None), key=lambda part: part.position or 0):
            whole.append(_Part(items[0].spelling, [value for part in items for value in part.values], None))
        sent = [part for part in whole if any(value != "" for value in part.values)] or whole
        sets = [part.values for part in sent]
        if not self.spellings().is_list(name):  # a repeated value must agree as well
            sets = [[value] for values in sets for value in values if value != ""] or [[""]]
        if any(not self._is_same(name, sets[0], other) for other in sets[1:]):
            other = sent[-1].spelling
            message = f'Differs from "{other}".' if other != sent[0].spelling else "Given with different values."
            raise serializers.ValidationError({sent[0].spelling: [f"{message} Give it once."]})
        return sets[0]

    def _is_same(self, name: str, one: list[Any], other: list[Any]) -> bool:
        if any(isinstance(value, File) for value in [*one, *other]):
            return False  # comparing would read the whole files
        return one == other or (name in self.fields and self._meaning(name, one) == self._meaning(name, other))

    def _meaning(self, name: str, values: list[Any]) -> Any:
        """The validated value: `TRUE` and `true` are equal."""
        try:
            return self.fields[name].run_validation(values if self.spellings().is_list(name) else values[0])
        except serializers.ValidationError:
            return values


def _copied(field: Any) -> Any:
    """A field that can be bound to another form. One with parts is their parent, so they are copied with it."""
    has_parts = hasattr(field, "child") or isinstance(field, serializers.BaseSerializer)
    return copy.deepcopy(field) if has_parts else copy.copy(field)


class Input(NamedInput):
    """A JSON body or a form. In JSON, null counts as an absent field.

    With `context={"request": request}`, the query string is checked too.
    """

    in_query: tuple[str, ...] = ()  # fields that may be in the query string instead

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent_back: dict[str, SentBack] = {}  # by documented name

    def shown_names(self) -> Spellings | None:
        """Names of the response that are ignored if a client sends them back."""
        return None

    def _known_parts(self, data: Mapping[str, Any], refused: dict[str, ErrorDetail]) -> Iterator[tuple[_Part, Spelled]]:
        shown = self.shown_names()
        unknown: list[str] = []
        for spelling, values in _values(data):
            found = self.find(spelling)
            if found and (found.position is None or _is_form(data)):
                if values != [None]:
                    yield _Part(spelling, values, found.position), found
            elif shown and (found := shown.find(spelling)):
                self.sent_back[found.name] = SentBack(spelling, values[-1])
            else:
                unknown.append(spelling)
        for name in unknown[:UNKNOWN_MAX]:
            message = f"Unknown field. {self._hint(name, is_file=isinstance(data[name], File))}"
            refused[shortened(name)] = ErrorDetail(message, UNKNOWN_FIELD)
        if self.root is self and (request := self.context.get("request")):
            yield from self._query_parts(request, refused)

    def _query_parts(self, request: Request, refused: dict[str, ErrorDetail]) -> Iterator[tuple[_Part, Spelled]]:
        """Fields in the query string; an unknown parameter is refused only if it resembles a field."""
        for spelling, values in islice(request.query_params.lists(), UNKNOWN_MAX * 10):
            found = self.find(spelling)
            if found and found.name in self.in_query:
                yield _Part(spelling, values, found.position), found
            elif name := found.name if found else self.spellings().resembling(spelling):
                place = "the query string or the body" if name in self.in_query else "the body"
                message = f'Unknown parameter of the query string. Send "{name}" in {place}.'
                refused[shortened(spelling)] = ErrorDetail(message, UNKNOWN_FIELD)

    def _hint(self, name: str, *, is_file: bool) -> str:
        """A suggestion for an unknown name; a file's is one of the fields for files."""
        names = self.spellings().names
        if is_file:
            names = tuple(name for name in names if _takes_files(self.fields.get(name))) or names
        if near := Spellings(names).nearest(name):
            return f'Did you mean "{near}"?'
        return f"The fields are: {', '.join(names)}." if names else "There are no fields here."

    def _as_read(self, values: dict[str, list[Any]], data: Mapping[str, Any]) -> Any:
        return MultiValueDict(values) if _is_form(data) else {name: sent[0] for name, sent in values.items()}


class QueryInput(NamedInput):
    """A query string. Unknown parameters are ignored, unless they resemble a known one."""

    def _known_parts(self, data: Mapping[str, Any], refused: dict[str, ErrorDetail]) -> Iterator[tuple[_Part, Spelled]]:
        for spelling, values in _values(data):
            if found := self.find(spelling):
                yield _Part(spelling, values, found.position), found
            elif near := self.spellings().resembling(spelling):
                message = f'Unknown parameter. Did you mean "{near}"?'
                refused[shortened(spelling)] = ErrorDetail(message, UNKNOWN_FIELD)


class PageQuery(QueryInput):
    """The query string of a list; SkipLimitPagination reads `skip` and `limit`."""

    extra_names = ("skip", "limit")


def require_no_fields(request: Request) -> None:
    """Raise ValidationError if a request to an endpoint without fields has some; an empty body is fine."""
    Input(data=request.data or {}, context={"request": request}).is_valid(raise_exception=True)


@cache
def names_of(serializer: type[serializers.BaseSerializer[Any]]) -> Spellings:
    """The names of all fields of a serializer."""
    return Spellings(serializer().fields)  # type: ignore[attr-defined]  # every Serializer has them


def respelled(detail: Any, spelled: Mapping[str, str]) -> Any:
    """Errors by documented name, renamed to the client's own spelling."""
    if not isinstance(detail, Mapping):
        return detail
    return {shortened(spelled.get(name, name)): messages for name, messages in detail.items()}


def _body_error(message: str) -> serializers.ValidationError:
    return serializers.ValidationError({"non_field_errors": [message]})


def _is_form(data: Mapping[str, Any]) -> bool:
    return isinstance(data, MultiValueDict)


def _values(data: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield each name with its values; a JSON body has one value a name."""
    yield from data.lists() if isinstance(data, MultiValueDict) else ((name, [value]) for name, value in data.items())


def _takes_files(field: Any) -> bool:
    return isinstance(getattr(field, "child", field), serializers.FileField)
