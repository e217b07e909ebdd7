"""How the OpenAPI document is generated: what drf-spectacular cannot know, and what generated clients need."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema_serializer
from rest_framework import serializers

from studio.api import error_codes

MULTIPART = "multipart/form-data"
RETRY_AFTER = {
    "description": "Seconds to wait before the next attempt. Sent with 429, and with 503 where a retry may help.",
    "schema": {"type": "integer", "minimum": 1},
}


@extend_schema_serializer(component_name="ErrorResponse")
class ErrorAnswer(serializers.Serializer[Any]):
    """The body of every response with a status of 400 or more."""

    detail = serializers.CharField(help_text="One sentence for a person.")
    code = serializers.ChoiceField(
        choices=tuple(error_codes.MEANINGS),
        help_text=f"The reason, for a program. Codes:\n\n{error_codes.table(error_codes.MEANINGS)}",
    )
    errors = serializers.DictField(  # type: ignore[assignment]  # the contract names the key so
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Messages by field, under the names that the request has used. Only where fields are at fault.",
    )


@extend_schema_serializer(component_name="InsufficientTokensResponse")
class InsufficientTokensAnswer(ErrorAnswer):
    """The response where a price cannot be paid."""

    balance = serializers.IntegerField(help_text="The tokens that the caller has.")
    price = serializers.IntegerField(help_text="The tokens that the request costs.")


def error(description: str) -> OpenApiResponse:
    """An error response that deserves a description of its own."""
    return OpenApiResponse(ErrorAnswer, description=description)


def id_in_path(name: str, description: str) -> OpenApiParameter:
    """An id in a path."""
    return OpenApiParameter(name, OpenApiTypes.UUID, OpenApiParameter.PATH, description=description)


def response_header(name: str, description: str, *, of: list[int], schema: Any = OpenApiTypes.STR) -> OpenApiParameter:
    """A header of the responses with these statuses."""
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=description, response=of)


class ExtraFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # as the library has it
    """A field that is brought along has the shape that it says."""

    target_class = "studio.api.fields.ExtraField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        """The schema of the shape."""
        return auto_schema._map_serializer_field(self.target.shape, direction)  # type: ignore[no-untyped-call]  # so is this


class StudioSchema(AutoSchema):
    """drf-spectacular's inspection, with one request type and one `default` error an operation.

    Generators make a function, or an argument, of every further content type, and a type of every further response.
    The server also accepts the other content types; `openapi.md` says so.
    """

    def map_parsers(self) -> list[str]:
        """JSON; an operation with files names its type itself."""
        return ["application/json"]

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in bodies.keys() & {"429", "503"}:
            bodies[status].setdefault("headers", {})["Retry-After"] = RETRY_AFTER
        default = self._get_response_for_code(error("Any other error; `code` says which."), "default")  # type: ignore[no-untyped-call]  # the library is not typed here
        return dict(sorted(bodies.items())) | {"default": default | {"headers": {"Retry-After": RETRY_AFTER}}}


def for_generators(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The document without what generators turn into unusable types; what is lost, the descriptions say."""
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request"):
            for field in schema["properties"].values():
                _simplify(field)
    for path in result["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                _simplify_parameter(parameter)
    return result


def _simplify(field: dict[str, Any]) -> None:
    """Of a `default`, openapi-typescript makes a required property; a union with the empty text helps no client."""
    if "oneOf" in field:
        field |= field.pop("oneOf")[0]
    default = field.pop("default", None)
    if default is not None:
        field.setdefault("example", default)  # what Swagger's form begins with
    if default not in (None, ""):
        word = str(default).lower() if isinstance(default, bool) else default
        field["description"] += f" Default: `{word}`."


def _simplify_parameter(parameter: dict[str, Any]) -> None:
    schema = parameter["schema"]
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": True}  # the default, which orval does not know
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value != ""]
