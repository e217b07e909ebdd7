"""How the OpenAPI document is generated: the error answers that every operation shares are added here."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers


class ErrorAnswer(serializers.Serializer[Any]):
    """The shape of every answer from 400 up."""

    detail = serializers.CharField(help_text="One sentence for a person.")
    code = serializers.CharField(help_text="A stable word for a machine.")
    errors = serializers.DictField(  # type: ignore[assignment]  # the contract names the key so
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="For a form: the messages by field, spelled as the client spelled it.",
    )


class InsufficientTokensAnswer(ErrorAnswer):
    """The response where a price cannot be paid."""

    balance = serializers.IntegerField(help_text="Tokens that the caller has.")
    price = serializers.IntegerField(help_text="Tokens that it costs.")


class FromElsewhereExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # as the library has it
    """A field that is brought along has the shape that it says."""

    target_class = "studio.fields.FromElsewhere"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        """The schema of the shape."""
        return auto_schema._map_serializer_field(self.target.shape, direction)  # type: ignore[no-untyped-call]  # so is this


class InputExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # as the library has it
    """In JSON, null stands for a field that is left out."""

    target_class = "studio.inputs.Input"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        """The library's schema, with every field that may be left out nullable; a form has no null."""
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]  # so is this
        if not any(isinstance(field, serializers.FileField) for field in self.target.fields.values()):
            optional = schema["properties"].keys() - set(schema.get("required", ()))
            schema["properties"] |= {name: _or_null(schema["properties"][name]) for name in optional}
        return schema


def _or_null(field: dict[str, Any]) -> dict[str, Any]:
    if "type" not in field:
        return {"oneOf": [field, {"enum": [None]}]}
    return {**field, "nullable": True} | ({"enum": [*field["enum"], None]} if "enum" in field else {})


class StudioSchema(AutoSchema):
    """drf-spectacular's inspection, plus the refusals that follow from what an operation takes."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code, meaning in self._shared_refusals().items():
            if code not in bodies:
                bodies[code] = self._get_response_for_code(OpenApiResponse(ErrorAnswer, description=meaning), code)  # type: ignore[no-untyped-call]  # the library is not typed here
        return dict(sorted(bodies.items()))

    def _shared_refusals(self) -> dict[str, str]:
        refusals = {"400": "Something in the request is not valid.", "414": "The URL is too long."}
        if self.get_auth():
            refusals["401"] = "No valid access token."
        if self.method in {"POST", "PUT", "PATCH"}:
            refusals |= {
                "411": "The body's length is not told.",
                "413": "The request is too large.",
                "415": "The body's type is not taken.",
            }
        if self.method != "DELETE" and self.get_auth():
            refusals["429"] = "Too many requests; `Retry-After` says when to go on."
        if "{" in self.path:
            refusals |= {"403": "It is somebody else's.", "404": "There is no such thing."}
        return refusals
