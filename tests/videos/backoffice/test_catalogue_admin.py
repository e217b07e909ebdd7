"""Staff and the catalogue in the admin."""

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client

from accounts import roles
from tests.conftest import MakeUser, SignIn
from videos import catalogue
from videos.models import Upstream, VideoModel

LIST = "/admin/videos/videomodel/"


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.GEMINI_API_KEY = "a key"
    settings.VERTEX_API_KEY = settings.VERTEX_PROJECT = ""


@pytest.fixture
def office(client: Client, make_user: MakeUser) -> Client:
    client.force_login(make_user("boss@example.com", staff=True))
    return client


@pytest.fixture
def model(db: None) -> VideoModel:
    return VideoModel.objects.get(name=catalogue.DEFAULT_MODEL)


@pytest.fixture
def upstream(model: VideoModel) -> Upstream:
    """The only one: Omni 1.2, which is in use."""
    model.upstreams.exclude(provider="google_omni", upstream_model="gemini-omni-1.2-flash").delete()
    return model.upstreams.get()


def page(model: VideoModel) -> str:
    return f"{LIST}{model.pk}/change/"


def form_of(model: VideoModel, upstream: Upstream, **changes: Any) -> dict[str, Any]:
    fields = {
        "title": model.title,
        "position": 0,
        "is_offered": "on",
        "upstreams-TOTAL_FORMS": 1,
        "upstreams-INITIAL_FORMS": 1,
        "upstreams-0-id": str(upstream.pk),
        "upstreams-0-model": str(model.pk),
        "upstreams-0-position": 0,
        "upstreams-0-provider": "google_veo",
        "upstreams-0-upstream_model": "elsewhere",
        "upstreams-0-is_enabled": "on",
        "upstreams-0-seconds_720p": "8",
        "upstreams-0-seconds_1080p": "",
        "upstreams-0-aspect_ratios": ["16:9"],
        "upstreams-0-max_references": 0,
        "upstreams-0-reference_durations": "",
        "upstreams-0-last_frame_durations": "",
        "upstreams-0-price_720p": "0.1",
    }
    return fields | {name if name in fields else f"upstreams-0-{name}": value for name, value in changes.items()}


def test_public_name_gets_another_upstream(
    office: Client, model: VideoModel, upstream: Upstream, sign_in: SignIn, make_user: MakeUser
) -> None:
    api = sign_in(make_user())

    change = form_of(model, upstream, seconds_1080p="4-6, 8", reference_durations="8")
    said = office.post(page(model), change, follow=True).content.decode()

    upstream.refresh_from_db()
    assert (upstream.provider, upstream.upstream_model) == ("google_veo", "elsewhere")
    assert (upstream.durations, upstream.aspect_ratios) == ({"720p": [8], "1080p": [4, 5, 6, 8]}, ["16:9"])
    assert upstream.reference_durations == [8]
    assert "720p: 8 s; 1080p: 8, 4 s (the default). Made by google_veo: elsewhere." in said
    offer = api.get("/api/v1/video-models").json()["items"][0]
    assert [item["durationsSeconds"] for item in offer["resolutions"]] == [[8], [8, 4]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seconds_720p", ""),
        ("seconds_720p", "soon"),
        ("seconds_720p", "8.5"),
        ("seconds_720p", "0"),
        ("seconds_720p", "800"),
        ("seconds_720p", "8-4"),
        ("aspect_ratios", []),
        ("aspect_ratios", ["1:1"]),
        ("reference_durations", "x"),
        ("provider", "sora"),
        ("provider", "mock"),
    ],
)
def test_malformed_ability_is_refused(
    office: Client, model: VideoModel, upstream: Upstream, field: str, value: object
) -> None:
    answer = office.post(page(model), form_of(model, upstream, **{field: value}))

    upstream.refresh_from_db()
    assert (answer.status_code, upstream.provider) == (200, "google_omni")


@pytest.mark.parametrize(
    "change", [{"is_enabled": ""}, {"DELETE": "on"}, {"provider": "google_vertex"}, {"retires_on": "2020-01-01"}]
)
def test_last_way_to_make_videos_is_not_lost_by_accident(
    office: Client, model: VideoModel, upstream: Upstream, change: dict[str, str]
) -> None:
    refused = office.post(page(model), form_of(model, upstream, **change)).content.decode()
    before = catalogue.usable_upstreams(model)
    office.post(page(model), form_of(model, upstream, **change) | {"only_mock": "on"})

    assert "No upstream would be left that makes real videos of “Veo 3.1”" in refused
    assert (before, catalogue.usable_upstreams(VideoModel.objects.get(pk=model.pk))) == ([upstream], [])


def test_default_model_is_always_offered(office: Client, model: VideoModel, upstream: Upstream) -> None:
    said = office.post(page(model), form_of(model, upstream, is_offered="")).content.decode()

    model.refresh_from_db()
    assert ("This is the default model" in said, model.is_offered) == (True, True)
    assert office.post(f"{LIST}{model.pk}/delete/", {"post": "yes"}).status_code == 403


def test_name_stays_once_given(office: Client, model: VideoModel, upstream: Upstream) -> None:
    office.post(page(model), form_of(model, upstream) | {"name": "another"})

    model.refresh_from_db()
    assert (model.name, model.upstreams.get().upstream_model) == (catalogue.DEFAULT_MODEL, "elsewhere")


@pytest.mark.parametrize(("name", "made"), [("sora-1", 1), ("models/sora", 0), ("so ra", 0), ("", 0)])
def test_model_is_added(office: Client, model: VideoModel, name: str, made: int) -> None:
    rows = {"upstreams-TOTAL_FORMS": 0, "upstreams-INITIAL_FORMS": 0}

    office.post(f"{LIST}add/", {"name": name, "title": "Sora", "position": 7, "is_offered": "on", **rows})

    assert VideoModel.objects.filter(title="Sora").count() == made


def test_unused_model_is_deleted(office: Client) -> None:
    other = VideoModel.objects.get(name="gemini-omni-1.1-flash")

    office.post(f"{LIST}{other.pk}/delete/", {"post": "yes"})

    assert not VideoModel.objects.filter(pk=other.pk).exists()


def test_page_shows_the_public_model_and_the_upstream_in_use(office: Client, model: VideoModel) -> None:
    shown = office.get(page(model)).content.decode()
    listed = office.get(LIST).content.decode()

    assert "&quot;isDefault&quot;: true" in shown
    for text in ("In use.", "Not used: retired since 2026-10-22.", "VERTEX_API_KEY or VERTEX_PROJECT is unset."):
        assert text in shown
    assert "google_omni: gemini-omni-1.2-flash" in listed


def test_support_looks_and_changes_nothing(client: Client, make_user: MakeUser, model: VideoModel) -> None:
    sue = make_user("sue@example.com")
    roles.assign(user=sue, role=roles.Role.SUPPORT)
    client.force_login(sue)
    upstream = model.upstreams.all()[0]

    shown = client.get(page(model))

    assert (shown.status_code, "1080p" in shown.content.decode()) == (200, True)
    assert client.post(page(model), form_of(model, upstream)).status_code == 403


def test_retired_and_suspended_upstreams_are_seen_in_the_list(office: Client, upstream: Upstream) -> None:
    def shown() -> str:
        model = upstream.model
        page = office.get(LIST).content.decode()
        row = page.partition(f">{model.title}<")[2].partition("</tr>")[0]
        return " ".join(re.sub("<[^>]*>", " ", row).split())

    used = shown()
    Upstream.objects.filter(pk=upstream.pk).update(retires_on=date(2026, 1, 2))
    retired = shown()

    assert "retired since 2026-01-02 google_omni: gemini-omni-1.2-flash" not in used
    assert retired.endswith("no provider: mock videos only retired since 2026-01-02 google_omni: gemini-omni-1.2-flash")


def test_upstreams_are_folded_under_readable_names(office: Client, upstream: Upstream) -> None:
    text = office.get(page(upstream.model)).content.decode()

    assert "google_omni: gemini-omni-1.2-flash</strong>" in text
    assert "openRow: false" in text
