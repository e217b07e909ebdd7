"""Additions to the OpenAPI document that drf-spectacular cannot infer, and simplifications for client generators."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from studio.api import error_codes
from studio.api.scopes import required_scope

MULTIPART = "multipart/form-data"
RETRY_AFTER = {
    "description": "Seconds to wait before the next attempt. Sent with 429, and with 503 where a retry may help.",
    "schema": {"type": "integer", "minimum": 1},
}
ANY_OTHER_ERROR = {
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
    "description": "Any other error; `code` says which.",
    "headers": {"Retry-After": RETRY_AFTER},
}


class ErrorResponse(serializers.Serializer[Any]):
    """The body of every response with a status of 400 or more."""

    detail = serializers.CharField(help_text="One sentence for users.")
    code = serializers.ChoiceField(
        choices=tuple(error_codes.MEANINGS),
        help_text=f"The reason, for programs. Codes:\n\n{error_codes.table(error_codes.MEANINGS)}",
    )
    errors = serializers.DictField(  # type: ignore[assignment]  # the contract names the key so
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Messages by field, under the names that the request used. Only if fields are at fault.",
    )


class InsufficientTokensResponse(ErrorResponse):
    """The body of a 402: the balance is lower than the price."""

    balance = serializers.IntegerField(help_text="The caller's tokens.")
    price = serializers.IntegerField(help_text="The price of the request, in tokens.")


def error(description: str) -> OpenApiResponse:
    """An error response with its own description."""
    return OpenApiResponse(ErrorResponse, description=description)


def id_in_path(name: str, description: str) -> OpenApiParameter:
    """A parameter of the path that is a UUID."""
    return OpenApiParameter(name, OpenApiTypes.UUID, OpenApiParameter.PATH, description=description)


def response_header(name: str, description: str, *, of: list[int], schema: Any = OpenApiTypes.STR) -> OpenApiParameter:
    """A header of the responses with these statuses."""
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=description, response=of)


class ExtraFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # as the library has it
    """Describes an ExtraField by its `shape`."""

    target_class = "studio.api.fields.ExtraField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        return auto_schema._map_serializer_field(self.target.shape, direction)  # type: ignore[no-untyped-call]  # noqa: SLF001 - as in the library's own examples of extensions


class StudioSchema(AutoSchema):
    """drf-spectacular's, with one request content type per operation, and the scope that API keys need.

    Generators make a function or an argument of every further content type. The server accepts the others too, as
    `openapi.md` says.
    """

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Add the scope after all others, because descriptions of `extend_schema` replace our own."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation and (scope := required_scope(self.view, self.method)):
            operation["description"] = f"{operation['description']}\n\nScope of API keys: `{scope}`."
            operation["x-required-scope"] = scope
        return operation

    def map_parsers(self) -> list[str]:
        return ["application/json"]  # an operation with files names its type itself

    def _get_request_body(self, direction: Literal["request", "response"] = "request") -> Any:
        """Also the body of a DELETE, where the view reads one; the library leaves it out."""
        if self.method != "DELETE" or not getattr(self.view, "reads_body_of_delete", False):
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        self.method = "POST"
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        finally:
            self.method = "DELETE"


def for_generators(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The document as client generators need it: one `default` error per operation, and no types they cannot express.

    Where a type is simplified, the description says what was lost.
    """
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request"):
            for field in schema["properties"].values():
                _simplify(field)
    for path in result["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                _simplify_parameter(parameter)
            operation["responses"] = _with_default(operation["responses"])
    return result


def _with_default(responses: dict[str, Any]) -> dict[str, Any]:
    for status in responses.keys() & {"429", "503"}:
        responses[status].setdefault("headers", {})["Retry-After"] = RETRY_AFTER
    return dict(sorted(responses.items())) | {"default": ANY_OTHER_ERROR}


def _simplify(field: dict[str, Any]) -> None:
    """Drop `default`, which openapi-typescript turns into a required property, and unions with the empty text."""
    if "oneOf" in field:
        field |= field.pop("oneOf")[0]
    default = field.pop("default", None)
    if default is not None:
        field.setdefault("example", default)  # Swagger's form starts with it
    if default not in (None, ""):
        word = str(default).lower() if isinstance(default, bool) else default
        field["description"] += f" Default: `{word}`."


def _simplify_parameter(parameter: dict[str, Any]) -> None:
    schema = parameter["schema"]
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": True}  # OpenAPI's defaults, which orval does not know
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value != ""]
