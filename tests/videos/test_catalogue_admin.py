"""What staff can do with the catalogue in the admin."""

from typing import Any

import pytest
from django.test import Client

from tests.conftest import MakeUser
from videos import catalogue
from videos.models import Upstream, VideoModel


@pytest.fixture
def office(client: Client, make_user: MakeUser) -> Client:
    client.force_login(make_user("boss@example.com", staff=True))
    return client


def form_of(model: VideoModel, upstream: Upstream, **changes: Any) -> dict[str, Any]:
    fields = {
        "name": model.name,
        "title": model.title,
        "position": 0,
        "is_offered": "on",
        "upstreams-TOTAL_FORMS": 1,
        "upstreams-INITIAL_FORMS": 1,
        "upstreams-0-id": str(upstream.pk),
        "upstreams-0-model": str(model.pk),
        "upstreams-0-position": 0,
        "upstreams-0-provider": "mock",
        "upstreams-0-upstream_model": "elsewhere",
        "upstreams-0-is_enabled": "on",
        "upstreams-0-durations": '{"720p": [8]}',
        "upstreams-0-aspect_ratios": '["16:9"]',
        "upstreams-0-max_references": 0,
        "upstreams-0-reference_durations": "[]",
        "upstreams-0-price_per_second": "0.1",
    }
    return fields | {f"upstreams-0-{name}": value for name, value in changes.items()}


def test_public_name_is_pointed_elsewhere(office: Client) -> None:
    model = VideoModel.objects.get(name=catalogue.DEFAULT_MODEL)
    upstream = model.upstreams.all()[0]

    answer = office.post(f"/admin/videos/videomodel/{model.pk}/change/", form_of(model, upstream))

    upstream.refresh_from_db()
    assert answer.status_code == 302
    assert (upstream.provider, upstream.upstream_model, upstream.durations) == ("mock", "elsewhere", {"720p": [8]})
    assert office.get("/admin/videos/videomodel/").status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("durations", "{}"),
        ("durations", '{"480p": [8]}'),
        ("durations", '{"720p": 8}'),
        ("durations", '{"720p": ["8"]}'),
        ("durations", '{"720p": [800]}'),
        ("durations", "no json"),
        ("aspect_ratios", "[]"),
        ("aspect_ratios", '["1:1"]'),
        ("reference_durations", '"8"'),
        ("provider", "sora"),
    ],
)
def test_malformed_ability_is_refused(office: Client, field: str, value: str) -> None:
    model = VideoModel.objects.get(name=catalogue.DEFAULT_MODEL)
    upstream = model.upstreams.all()[0]

    answer = office.post(f"/admin/videos/videomodel/{model.pk}/change/", form_of(model, upstream, **{field: value}))

    before = upstream.provider
    upstream.refresh_from_db()
    assert (answer.status_code, upstream.provider) == (200, before)
