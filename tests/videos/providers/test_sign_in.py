"""Vertex AI with a project: signing in with a service account, and videos in a bucket."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import RefreshError
from pytest_django import Settings

from tests.fakes.google import TOKEN, FakeGoogle
from tests.videos.providers.conftest import MODELS, Make, ask, poll
from videos.providers.base import Finished, NotAccepted, Refused, Unreachable
from videos.providers.google_client import VENDOR_ERRORS
from videos.providers.google_failures import poll_failure, start_failure

PROJECT = "projects/studio/locations/us-central1"
VEO = f"/v1beta1/{PROJECT}/publishers/google/models/veo-3.1-generate-001"
OMNI = "/v1beta1/projects/studio/locations/global/interactions"
VERTEX = ["google_vertex", "google_omni_vertex"]


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode()


@pytest.fixture
def make_in_project(
    make: Make,
    google: FakeGoogle,
    settings: Settings,
    private_key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Make:
    """Adapters with a project, and a service account whose tokens come from the fake."""
    account = {
        "type": "service_account",
        "client_email": "studio@studio.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": private_key,
        "token_uri": f"{google.url}/token",
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    monkeypatch.setenv("GOOGLE_API_KEY", "another-key")  # the SDK would like it better
    settings.VERTEX_API_KEY, settings.VERTEX_PROJECT = "", "studio"
    return make


@pytest.mark.parametrize(
    ("name", "submitted", "polled"),
    [
        ("google_vertex", f"{VEO}:predictLongRunning", f"{VEO}:fetchPredictOperation"),
        ("google_omni_vertex", OMNI, f"{OMNI}/"),
    ],
)
def test_one_token_is_used_until_it_expires(
    name: str, submitted: str, polled: str, make_in_project: Make, google: FakeGoogle, tmp_path: Path
) -> None:
    adapter, request = make_in_project(name), ask(name)

    for _ in range(2):
        operation = adapter.start(request)
        done = poll(adapter, operation.name, request)
    assert isinstance(done, Finished)
    adapter.fetch(done.result, request, tmp_path / "video.mp4")

    assert (tmp_path / "video.mp4").read_bytes() == google.account.video
    assert [call["path"] for call in google.calls("submit")] == [submitted, submitted]
    assert all(call["path"].startswith(polled) for call in google.calls("poll"))
    assert {call["key"] for call in google.calls("submit") + google.calls("poll")} == {f"Bearer {TOKEN}"}
    assert len(google.calls("token")) == 1


@pytest.mark.parametrize("name", VERTEX)
def test_token_that_has_expired_is_renewed_before_the_call(
    name: str, make_in_project: Make, google: FakeGoogle
) -> None:
    adapter = make_in_project(name)
    adapter.start(ask(name))
    adapter.backend._credentials.expiry = datetime(2026, 1, 1)  # noqa: DTZ001 - google-auth's are naive

    operation = adapter.start(ask(name))
    poll(adapter, operation.name, ask(name))

    assert [call["action"] for call in google.account.calls] == ["token", "submit", "token", "submit", "poll"]


@pytest.mark.parametrize("name", VERTEX)
def test_video_in_a_bucket_is_fetched_from_there(
    name: str, make_in_project: Make, google: FakeGoogle, settings: Settings, tmp_path: Path
) -> None:
    settings.VERTEX_OUTPUT_GCS_URI = "gs://studio-videos/made here"
    adapter, request = make_in_project(name), ask(name)
    operation = adapter.start(request)

    done = poll(adapter, operation.name, request)
    assert isinstance(done, Finished)
    adapter.fetch(done.result, request, tmp_path / "video.mp4")

    file_id = google.account.works[operation.name].file_id
    body = google.calls("submit")[0]["body"]
    assert done == Finished(f"gs://studio-videos/made here/{file_id}/sample_0.mp4")
    if name == "google_vertex":
        assert body["parameters"]["storageUri"] == "gs://studio-videos/made here"
    else:
        asked = {name: body["response_format"][name] for name in ("delivery", "gcs_uri")}
        assert asked == {"delivery": "uri", "gcs_uri": "gs://studio-videos/made here"}
    assert (tmp_path / "video.mp4").read_bytes() == google.account.video
    assert [(call["path"], call["key"]) for call in google.calls("download")] == [
        (f"/storage/v1/b/studio-videos/o/made%20here%2F{file_id}%2Fsample_0.mp4?alt=media", f"Bearer {TOKEN}")
    ]


def test_omni_has_its_own_location(make_in_project: Make, google: FakeGoogle, settings: Settings) -> None:
    settings.VERTEX_LOCATION, settings.VERTEX_OMNI_LOCATION = "europe-west4", "us-central1"

    make_in_project("google_vertex").start(ask("google_vertex"))
    with pytest.raises(Refused) as error:
        make_in_project("google_omni_vertex").start(ask("google_omni_vertex"))

    assert error.value.code == "model_unavailable"
    assert [call["path"] for call in google.calls("submit")] == [
        "/v1beta1/projects/studio/locations/europe-west4/publishers/google/models/veo-3.1-generate-001"
        ":predictLongRunning",
        "/v1beta1/projects/studio/locations/us-central1/interactions",
    ]


@pytest.mark.parametrize("name", VERTEX)
def test_model_is_requested_with_the_token(name: str, make_in_project: Make, google: FakeGoogle) -> None:
    adapter = make_in_project(name)

    assert adapter.has_model(MODELS[name]) is True
    assert [(call["path"], call["key"]) for call in google.calls("probe")] == [
        (f"/v1beta1/publishers/google/models/{MODELS[name]}", f"Bearer {TOKEN}")
    ]


@pytest.mark.parametrize("name", VERTEX)
def test_no_token_for_now_means_later(name: str, make_in_project: Make, google: FakeGoogle) -> None:
    google.script("token", "reset", times=99)
    adapter = make_in_project(name)

    with pytest.raises(NotAccepted):
        adapter.start(ask(name))
    with pytest.raises(Unreachable):
        poll(adapter, f"{PROJECT}/publishers/google/models/veo/operations/1", ask(name))
    with pytest.raises(Unreachable):
        adapter.has_model(MODELS[name])

    assert {call["action"] for call in google.account.calls} == {"token"}


@pytest.mark.parametrize("name", VERTEX)
def test_refused_sign_in_is_a_wrong_configuration(name: str, make_in_project: Make, google: FakeGoogle) -> None:
    google.script("token", "401", times=99)

    with pytest.raises(Refused) as error:
        make_in_project(name).start(ask(name))

    assert error.value.code == "provider_misconfigured"
    assert google.calls("submit") == []


@pytest.mark.parametrize("name", VERTEX)
def test_nothing_to_sign_in_with_is_a_wrong_configuration(
    name: str, make_in_project: Make, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")

    with pytest.raises(Refused) as error:
        make_in_project(name).start(ask(name))

    assert error.value.code == "provider_misconfigured"
    assert google.calls("submit") == []


def test_environment_does_not_send_a_key_to_the_other_backend(
    make: Make, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for switch in ("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE"):
        monkeypatch.setenv(switch, "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "another")
    monkeypatch.setenv("GOOGLE_API_KEY", "another-key")

    for name in ("google_omni", *VERTEX):
        make(name).start(ask(name))

    assert [(call["path"], call["key"]) for call in google.calls("submit")] == [
        ("/v1beta/interactions", "gemini-key"),
        ("/v1beta1/publishers/google/models/veo-3.1-generate-001:predictLongRunning", "vertex-key"),
        ("/v1beta1/interactions", "vertex-key"),
    ]


def test_token_that_cannot_be_renewed_in_the_call_sends_nothing() -> None:
    """The SDK renews one that runs out between our sign-in and the request; nothing is sent without it."""
    lost = RefreshError("away")
    lost.__cause__ = OSError("reset")

    assert (type(start_failure(lost, ask("google_vertex"))), type(poll_failure(lost, missing=0, lost={}))) == (
        NotAccepted,
        Unreachable,
    )
    assert isinstance(lost, VENDOR_ERRORS)
