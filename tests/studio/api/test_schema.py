"""The OpenAPI document suits client generators; `make clients` runs them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from studio.api.error_codes import MEANINGS
from tests.conftest import MakeUser, SignIn
from videos.failures import FAILURES

OPERATIONS = {
    *("register", "signIn", "refreshTokens", "signOut", "getMe", "getTokens", "listLedger"),
    *("listSessions", "endSession", "endSessions", "listApiKeys", "createApiKey", "revokeApiKey"),
    *("updateMe", "deleteMe", "exportMe", "changePassword", "requestPasswordReset", "resetPassword"),
    *("requestEmailVerification", "verifyEmail", "signInWithGoogle"),
    *("getSignInMethods", "signInToDemo", "fillWithDemo"),
    *("listLooks", "createLook", "getLook", "updateLook", "deleteLook"),
    *("listLookLinks", "createLookLink", "revokeLookLink"),
    *(
        "listVideoModels",
        "listVideoJobs",
        "createVideoJob",
        "getVideoJob",
        "cancelVideoJob",
        "retryVideoJob",
        "deleteVideoJob",
        "downloadVideo",
    ),
    *("createEventTicket", "streamVideoJobEvents"),
    *("listWebhooks", "createWebhook", "getWebhook", "updateWebhook", "deleteWebhook"),
    *("rotateWebhookSecret", "testWebhook", "listWebhookDeliveries", "retryWebhookDelivery"),
    *("setDefaultVideo", "unsetDefaultVideo"),
}


@pytest.fixture(scope="module")
def schema() -> Any:
    return Client().get("/openapi.json").json()


def operations(schema: Any) -> Iterator[Any]:
    for path in schema["paths"].values():
        yield from path.values()


def components(schema: Any) -> dict[str, Any]:
    found: dict[str, Any] = schema["components"]["schemas"]
    return found


def properties(schema: Any) -> Iterator[tuple[str, Any]]:
    for name, component in components(schema).items():
        for field, shape in component.get("properties", {}).items():
            yield f"{name}.{field}", shape


def parameter(operation: Any, name: str) -> Any:
    return next(found for found in operation["parameters"] if found["name"] == name)


def keys_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from keys_in(value)
    elif isinstance(node, list):
        for item in node:
            yield from keys_in(item)


def test_operations_have_readable_names(schema: Any) -> None:
    assert {operation["operationId"] for operation in operations(schema)} == OPERATIONS


def test_every_operation_takes_one_content_type(schema: Any) -> None:
    types = {
        operation["operationId"]: list(operation["requestBody"]["content"])
        for operation in operations(schema)
        if "requestBody" in operation
    }

    assert types == {
        **{key: ["application/json"] for key in ("register", "signIn", "refreshTokens", "signOut", "createApiKey")},
        **{key: ["application/json"] for key in ("updateMe", "deleteMe", "changePassword", "resetPassword")},
        **{key: ["application/json"] for key in ("requestPasswordReset", "requestEmailVerification", "verifyEmail")},
        **{
            key: ["application/json"]
            for key in ("signInWithGoogle", "createLookLink", "createWebhook", "updateWebhook")
        },
        **{key: ["multipart/form-data"] for key in ("createLook", "updateLook", "createVideoJob")},
    }


def test_download_has_one_response_of_success(schema: Any) -> None:
    """With two, clients made by orval 7 read the file as text."""
    responses = schema["paths"]["/api/v1/video-jobs/{id}/download"]["get"]["responses"]

    assert [status for status in responses if status.startswith("2")] == ["200"]


def test_everything_is_described(schema: Any) -> None:
    missing = [name for name, shape in properties(schema) if not shape.get("description")]
    for operation in operations(schema):
        parts = [operation, *operation.get("parameters", ()), *operation["responses"].values()]
        missing += [f"{operation['operationId']}: {part}" for part in parts if not part.get("description")]

    assert missing == []


def test_no_type_is_a_union(schema: Any) -> None:
    assert {"oneOf", "anyOf"} & set(keys_in(schema)) == set()


def test_no_default_makes_a_field_required(schema: Any) -> None:
    assert [name for name, shape in properties(schema) if "default" in shape] == []
    assert components(schema)["VideoJobRequest"]["required"] == ["mockMode"]
    assert components(schema)["LookRequest"]["required"] == ["title"]


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), [("/api/v1/video-jobs", 202), ("/api/v1/looks", 201)])
def test_form_of_the_documentation_works_as_it_begins(
    schema: Any, make_user: MakeUser, sign_in: SignIn, path: str, status: int
) -> None:
    [content] = schema["paths"][path]["post"]["requestBody"]["content"].values()
    fields = components(schema)[content["schema"]["$ref"].rpartition("/")[2]]["properties"]
    placeholders = {"boolean": True, "string": "string"}  # Swagger UI's own

    form = {}
    for name, field in fields.items():
        begins_with = "" if field.get("format") == "binary" else placeholders.get(field.get("type", ""), "private")
        form[name] = field.get("example", begins_with) or ""  # of an empty list, a form sends an empty text
    response = sign_in(make_user()).post(path, form, format="multipart")

    assert response.status_code == status, response.json()


def test_responses_have_all_their_fields(schema: Any) -> None:
    optional = {
        name: sorted(component["properties"].keys() - set(component["required"]))
        for name, component in components(schema).items()
        if "properties" in component and not name.endswith("Request")
    }

    assert {name: fields for name, fields in optional.items() if fields} == {
        "ErrorResponse": ["errors"],
        "InsufficientTokensResponse": ["errors"],
        "NotRetriedResponse": ["errors", "retriedBy"],
    }


def test_pages_are_bounded(schema: Any) -> None:
    lists = [operation for operation in operations(schema) if operation["operationId"].startswith("list")]

    for operation in lists:
        skip, limit = parameter(operation, "skip")["schema"], parameter(operation, "limit")["schema"]
        assert skip == {"type": "integer", "minimum": 0, "maximum": 1_000_000, "default": 0}
        assert limit == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert len(lists) == 9


def test_statuses_are_repeated(schema: Any) -> None:
    status = parameter(schema["paths"]["/api/v1/video-jobs"]["get"], "status")

    assert (status["style"], status["explode"]) == ("form", True)
    assert status["schema"]["items"] == {"$ref": "#/components/schemas/VideoStatus"}


def test_ids_in_paths_are_uuids(schema: Any) -> None:
    in_paths = [
        found for operation in operations(schema) for found in operation.get("parameters", ()) if found["in"] == "path"
    ]

    assert len(in_paths) == 26
    assert all(found["schema"] == {"type": "string", "format": "uuid"} for found in in_paths)


def test_codes_are_enums_with_their_meanings(schema: Any) -> None:
    found = components(schema)

    assert found["ErrorCode"]["enum"] == list(MEANINGS)
    assert found["FailureCode"]["enum"] == list(FAILURES)
    failure = found["VideoJob"]["properties"]["errorCode"]
    assert (failure["allOf"], failure["nullable"]) == ([{"$ref": "#/components/schemas/FailureCode"}], True)
    error = found["ErrorResponse"]["properties"]["code"]
    assert all(f"* `{code}`: {meaning}" in error["description"] for code, meaning in MEANINGS.items())
    assert all(f"* `{code}`: " in failure["description"] for code in FAILURES)


def test_every_operation_has_one_response_for_any_other_error(schema: Any) -> None:
    for operation in operations(schema):
        default = operation["responses"]["default"]
        assert default["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorResponse"}
        assert list(default["headers"]) == ["Retry-After"]


@pytest.mark.parametrize(
    ("path", "method", "status", "headers"),
    [
        ("/api/v1/video-jobs", "post", "202", {"Location"}),
        ("/api/v1/video-jobs", "post", "429", {"Retry-After"}),
        ("/api/v1/video-jobs", "post", "503", {"Retry-After"}),
        ("/api/v1/looks", "post", "201", {"Location"}),
        ("/api/v1/auth/token", "post", "429", {"Retry-After"}),
        ("/api/v1/video-jobs/{id}/download", "get", "200", {"ETag", "Content-Disposition", "Accept-Ranges"}),
    ],
)
def test_headers_of_responses_are_described(
    schema: Any, path: str, method: str, status: str, headers: set[str]
) -> None:
    assert schema["paths"][path][method]["responses"][status]["headers"].keys() == headers
