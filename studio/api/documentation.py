"""drf-spectacular's settings: the OpenAPI document's texts, tags and enum names."""

from pathlib import Path

from studio import __version__

SPECTACULAR = {
    "TITLE": "AI Studio",
    "DESCRIPTION": Path(__file__).with_name("openapi.md").read_text(),
    "VERSION": __version__,
    "OAS_VERSION": "3.0.3",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": True, "displayRequestDuration": True},
    "TAGS": [
        {"name": "Video jobs", "description": "Create videos, wait for them, and download them."},
        {"name": "Looks", "description": "Fashion pictures, with their products and videos."},
        {"name": "Accounts", "description": "Registration, sign-in, and the caller's tokens."},
    ],
    "ENUM_SUFFIX": "",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # it would repeat the values
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,  # `nullable` suffices, and generators cannot handle the union
    "ENUM_NAME_OVERRIDES": {
        "VideoStatus": "videos.phases.Status",
        "ErrorCode": "studio.api.error_codes.MEANINGS",
        "FailureCode": "videos.failures.FAILURES",
        "LedgerKind": "accounts.models.LedgerEntry.Kind",
        "ApiKeyScope": "studio.api.scopes.SCOPES",
        "WebhookEvent": "videos.models.Event.Kind",
        "WebhookMessageType": "videos.webhooks.serializers.TYPES",
        "WebhookStatus": "videos.webhooks.serializers.STATES",
        "WebhookDeliveryStatus": "videos.models.WebhookDelivery.State",
        "LogLevel": "videos.models.JobLog.Level",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "studio.api.schema.for_generators",
    ],
}
