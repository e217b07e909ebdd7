"""The catalogue: offered models, their upstreams, and refusals before any charge."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.models import LedgerEntry
from tests.conftest import MakeUser, SignIn
from tests.videos.api.test_videos_of_looks import make_look
from videos.models import Upstream, VideoJob, VideoModel

pytestmark = pytest.mark.django_db
URL = "/api/v1/video-jobs"
FORM = {"mockMode": "false", "prompt": "A red dress"}


def picture() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    return SimpleUploadedFile("look.png", out.getvalue(), "image/png")


@pytest.fixture
def vertex(db: None, settings: Any) -> None:
    """A deployment that has only Veo on Vertex."""
    settings.VERTEX_API_KEY = "vertex-key"
    Upstream.objects.filter(provider="google_omni_vertex").update(is_enabled=False)


def test_models_are_offered_for_a_form(make_user: MakeUser, sign_in: SignIn, vertex: None) -> None:
    VideoModel.objects.filter(name__startswith="gemini-omni").update(is_offered=False)

    body = sign_in(make_user()).get("/api/v1/video-models").json()

    veo = {
        "isAvailable": True,
        "resolutions": [
            {"resolution": "720p", "durationsSeconds": [8, 4]},
            {"resolution": "1080p", "durationsSeconds": [8]},
        ],
        "aspectRatios": ["16:9", "9:16"],
        "generateAudio": True,
        "endFrame": True,
        "maxReferenceImages": 3,
        "referenceImagesWithInitialImage": False,
        "endFrameDurationsSeconds": [8, 4],
        "referenceImagesDurationsSeconds": [8],
        "images": {
            "formats": ["image/png", "image/jpeg", "image/webp", "image/heic"],
            "maxBytes": 10 * 1024 * 1024,
            "maxPixels": 50_000_000,
            "maxTogetherPixels": 150_000_000,
        },
    }
    assert body == {
        "total": 3,
        "skip": 0,
        "limit": 20,
        "items": [
            {"name": "veo-3.1-generate-preview", "title": "Veo 3.1", "isDefault": True, **veo},
            {"name": "veo-3.1-fast-generate-preview", "title": "Veo 3.1 Fast", "isDefault": False, **veo},
            {
                **veo,
                "name": "veo-3.1-lite-generate-preview",
                "title": "Veo 3.1 Lite",
                "isDefault": False,
                "endFrame": False,
                "maxReferenceImages": 0,
                "endFrameDurationsSeconds": [],
                "referenceImagesDurationsSeconds": [],
            },
        ],
    }


def test_without_a_provider_every_model_is_for_mock_videos(make_user: MakeUser, sign_in: SignIn) -> None:
    items = sign_in(make_user()).get("/api/v1/video-models").json()["items"]

    assert {item["isAvailable"] for item in items} == {False}
    assert {tuple(length["durationsSeconds"]) for item in items for length in item["resolutions"]} == {(8, 4)}


def test_models_require_a_token(anonymous: Any) -> None:
    assert anonymous.get("/api/v1/video-models").status_code == 401


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"resolution": "1080p", "durationSeconds": 4}, "durationSeconds", "Must be 8 with 1080p."),
        ({"endFrame": "picture"}, "endFrame", "Needs an initialImage, too."),
        (
            {"model": "veo-3.1-lite-generate-preview", "initialImage": "picture", "endFrame": "picture"},
            "endFrame",
            "Must be left out with this model.",
        ),
        (
            {"model": "veo-3.1-lite-generate-preview", "referenceImages": "picture"},
            "referenceImages",
            "Must be at most 0 with this model.",
        ),
        ({"referenceImages": "picture", "durationSeconds": 4}, "durationSeconds", "Must be 8 with reference images."),
        (
            {"referenceImages": "picture", "initialImage": "picture"},
            "referenceImages",
            "Must be left out with a first frame; useLookImage=false leaves out the look's.",
        ),
    ],
)
def test_request_that_the_upstream_would_refuse_is_a_400(
    make_user: MakeUser, sign_in: SignIn, vertex: None, change: dict[str, Any], field: str, message: str
) -> None:
    form = {**FORM, **{name: picture() if value == "picture" else value for name, value in change.items()}}

    response = sign_in(make_user()).post(URL, form, format="multipart")

    assert (response.status_code, response.json()["errors"]) == (400, {field: [message]})
    assert not VideoJob.objects.exists()
    assert not LedgerEntry.objects.filter(kind="charge").exists()


@pytest.mark.parametrize(
    ("ability", "change", "field"),
    [
        ({"durations": {"1080p": [8]}}, {}, "resolution"),
        ({"aspect_ratios": ["9:16"]}, {}, "aspectRatio"),
        ({"makes_audio": False}, {"generateAudio": "true"}, "generateAudio"),
    ],
)
def test_option_removed_by_staff_is_a_400(
    make_user: MakeUser,
    sign_in: SignIn,
    vertex: None,
    ability: dict[str, Any],
    change: dict[str, Any],
    field: str,
) -> None:
    Upstream.objects.filter(provider="google_vertex").update(**ability)

    response = sign_in(make_user()).post(URL, {**FORM, **change}, format="multipart")

    assert (response.status_code, list(response.json()["errors"])) == (400, [field])


def test_mock_videos_are_not_bound_by_the_upstream(make_user: MakeUser, sign_in: SignIn, vertex: None) -> None:
    form = {**FORM, "mockMode": "true", "resolution": "1080p", "durationSeconds": 4}

    assert sign_in(make_user()).post(URL, form, format="multipart").status_code == 202


def test_look_counts_as_the_first_frame(make_user: MakeUser, sign_in: SignIn, vertex: None) -> None:
    ann = make_user()
    form = {**FORM, "lookId": str(make_look(ann).pk), "endFrame": picture()}

    assert sign_in(ann).post(URL, form, format="multipart").status_code == 202


def test_refusal_of_an_unknown_model_lists_the_known_ones(make_user: MakeUser, sign_in: SignIn) -> None:
    VideoModel.objects.exclude(name="veo-3.1-generate-preview").update(is_offered=False)

    response = sign_in(make_user()).post(URL, {**FORM, "model": "sora"}, format="multipart")

    assert response.json()["errors"] == {"model": ["Must be one of: veo-3.1-generate-preview.", 'You sent "sora".']}


def test_second_upstream_makes_what_the_first_cannot(make_user: MakeUser, sign_in: SignIn, settings: Any) -> None:
    settings.GEMINI_API_KEY, settings.VERTEX_API_KEY = "gemini-key", "vertex-key"
    Upstream.objects.filter(provider="google_omni").update(position=0, durations={"720p": [8]})
    client = sign_in(make_user())

    for resolution in ("720p", "1080p"):
        client.post(URL, {**FORM, "resolution": resolution}, format="multipart")

    made_by = dict(VideoJob.objects.values_list("resolution", "provider"))
    assert made_by == {"720p": "google_omni", "1080p": "google_vertex"}


def test_retired_or_switched_off_upstream_is_not_used(make_user: MakeUser, sign_in: SignIn, vertex: None) -> None:
    client = sign_in(make_user())
    codes = {}
    today = datetime.now(UTC).date()
    for name, change in {
        "tomorrow": {"retires_on": today + timedelta(days=1)},
        "today": {"retires_on": today},
        "off": {"retires_on": None, "is_enabled": False},
    }.items():
        Upstream.objects.filter(provider="google_vertex").update(**change)
        codes[name] = client.post(URL, FORM, format="multipart").status_code

    assert codes == {"tomorrow": 202, "today": 503, "off": 503}
