"""Vertex AI with a project: signing in with a service account, and films in a bucket."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pytest_django import Settings

from tests.fakes.google import TOKEN, FakeGoogle
from tests.videos.providers.conftest import Make, ask, poll
from videos.providers.base import Finished, NotAccepted, Refused, Unreachable
from videos.providers.google_veo import VeoOnVertex

PROJECT = "projects/studio/locations/us-central1"


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode()


@pytest.fixture
def vertex(
    make: Make,
    google: FakeGoogle,
    settings: Settings,
    private_key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> VeoOnVertex:
    """With a project, and a service account whose tokens come from the fake."""
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
    settings.VERTEX_API_KEY, settings.VERTEX_PROJECT, settings.VERTEX_LOCATION = "", "studio", "us-central1"
    settings.VERTEX_OMNI_LOCATION = "global"
    adapter: VeoOnVertex = make("google_vertex")
    adapter.house.api_key = ""
    return adapter


def test_one_token_is_used_until_it_expires(vertex: VeoOnVertex, google: FakeGoogle, tmp_path: Path) -> None:
    request = ask("google_vertex")

    for _ in range(2):
        operation = vertex.start(request)
        done = poll(vertex, operation.name, request)
    assert isinstance(done, Finished)
    vertex.fetch(done.result, request, tmp_path / "video.mp4")

    assert (tmp_path / "video.mp4").read_bytes() == google.account.film
    assert operation.name.startswith(f"{PROJECT}/publishers/google/models/veo-3.1-generate-001/operations/")
    assert {call["key"] for call in google.calls("submit") + google.calls("poll")} == {f"Bearer {TOKEN}"}
    assert len(google.calls("token")) == 1


def test_a_film_in_a_bucket_is_fetched_from_there(
    vertex: VeoOnVertex, google: FakeGoogle, settings: Settings, tmp_path: Path
) -> None:
    settings.VERTEX_OUTPUT_GCS_URI = "gs://studio-films/made here"
    request = ask("google_vertex")
    operation = vertex.start(request)

    done = poll(vertex, operation.name, request)
    assert isinstance(done, Finished)
    vertex.fetch(done.result, request, tmp_path / "video.mp4")

    file_id = google.account.works[operation.name].file_id
    assert google.calls("submit")[0]["body"]["parameters"]["storageUri"] == "gs://studio-films/made here"
    assert done == Finished(f"gs://studio-films/made here/{file_id}/sample_0.mp4")
    assert (tmp_path / "video.mp4").read_bytes() == google.account.film
    assert [(call["path"], call["key"]) for call in google.calls("download")] == [
        (f"/storage/v1/b/studio-films/o/made%20here%2F{file_id}%2Fsample_0.mp4?alt=media", f"Bearer {TOKEN}")
    ]


def test_omni_is_where_veo_is_not(
    vertex: VeoOnVertex, make: Make, google: FakeGoogle, settings: Settings, tmp_path: Path
) -> None:
    settings.VERTEX_OUTPUT_GCS_URI = "gs://studio-films/made here"
    adapter, request = make("google_omni_vertex"), ask("google_omni_vertex")
    adapter.house.api_key = ""

    operation = adapter.start(request)
    done = poll(adapter, operation.name, request)
    assert isinstance(done, Finished)
    adapter.fetch(done.result, request, tmp_path / "video.mp4")

    path = "/v1beta1/projects/studio/locations/global/interactions"
    assert [call["path"] for call in google.calls("submit")] == [path]
    assert [call["path"] for call in google.calls("poll")] == [f"{path}/{operation.name}?stream=false"]
    assert {call["key"] for call in google.calls("submit") + google.calls("poll")} == {f"Bearer {TOKEN}"}
    assert done.result.startswith("gs://studio-films/made here/")
    assert (tmp_path / "video.mp4").read_bytes() == google.account.film


def test_no_token_for_now_means_later(vertex: VeoOnVertex, google: FakeGoogle) -> None:
    google.script("token", "reset", times=99)

    with pytest.raises(NotAccepted):
        vertex.start(ask("google_vertex"))
    with pytest.raises(Unreachable):
        poll(vertex, f"{PROJECT}/publishers/google/models/veo/operations/1", ask("google_vertex"))

    assert google.calls("submit") == []


def test_a_refused_sign_in_is_a_wrong_configuration(vertex: VeoOnVertex, google: FakeGoogle) -> None:
    google.script("token", "401", times=99)

    with pytest.raises(Refused) as error:
        vertex.start(ask("google_vertex"))

    assert error.value.code == "provider_misconfigured"
    assert google.calls("submit") == []


def test_nothing_to_sign_in_with_is_a_wrong_configuration(
    vertex: VeoOnVertex, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")

    with pytest.raises(Refused) as error:
        vertex.start(ask("google_vertex"))

    assert error.value.code == "provider_misconfigured"
    assert google.calls("submit") == []


def test_the_environment_does_not_send_a_key_to_the_other_house(
    make: Make, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another")
    monkeypatch.setenv("GOOGLE_API_KEY", "another-key")

    make("google_omni").start(ask("google_omni"))
    make("google_vertex").start(ask("google_vertex"))

    assert [(call["path"].split("/")[1], call["key"]) for call in google.calls("submit")] == [
        ("v1beta", "gemini-key"),
        ("v1beta1", "vertex-key"),
    ]
