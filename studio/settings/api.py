"""REST framework, rate limits, and the OpenAPI document."""

from studio import env
from studio.api import documentation
from studio.settings.web import BASE_PATH

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.sign_in.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["studio.api.parsers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "studio.api.parsers.JSONParser",
        "studio.api.parsers.FormParser",
        "studio.api.parsers.MultiPartParser",
    ],
    "DEFAULT_METADATA_CLASS": "studio.api.parsers.NoMetadata",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "studio.api.parsers.AlwaysJSON",
    "DEFAULT_PAGINATION_CLASS": "studio.api.paging.SkipLimitPagination",
    "DEFAULT_SCHEMA_CLASS": "studio.api.schema.StudioSchema",
    "EXCEPTION_HANDLER": "studio.api.views.handle_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttles.UserThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "sign-in-account": env.rate("SIGN_IN_RATE", "10/min"),
        "sign-in-client": env.rate("SIGN_IN_ADDRESS_RATE", "60/min"),
        "register": env.rate("REGISTER_RATE", "20/hour"),
        "token": env.rate("TOKEN_RATE", "120/min"),
        "mail": env.rate("MAIL_RATE", "5/hour"),
        "mail-client": env.rate("MAIL_ADDRESS_RATE", "30/hour"),
        "request": env.rate("REQUEST_RATE", "600/min"),
        "create": env.rate("CREATE_RATE", "60/min"),
    },
    # how many proxies stand in front, so that clients cannot forge their own IP
    "NUM_PROXIES": env.integer("PROXY_COUNT", 0, most=10),
}
SPECTACULAR_SETTINGS = documentation.SPECTACULAR | {"SERVERS": [{"url": BASE_PATH or "/"}]}
