"""GET /api/v1/looks: order, paging, search, the videos of each look, and the number of statements."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from looks.models import Look
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import URL, MakeLook, MakeVideo
from videos.models import VideoJob
from videos.phases import Phase


@pytest.fixture
def ann(make_user: MakeUser) -> Any:
    return make_user()


@pytest.fixture
def client(ann: Any, sign_in: SignIn) -> APIClient:
    return sign_in(ann)


def titles(client: APIClient, **query: Any) -> list[str]:
    response = client.get(URL, query)
    assert response.status_code == 200, response.json()
    return [item["title"] for item in response.json()["items"]]


def test_empty_list(client: APIClient) -> None:
    assert client.get(URL).json() == {"items": [], "total": 0, "skip": 0, "limit": 20}


def test_newest_first_in_pages(client: APIClient, ann: Any, make_look: MakeLook) -> None:
    for number in range(5):
        make_look(ann, title=str(number), image=None)

    pages = [client.get(URL, {"skip": skip, "limit": 2}).json() for skip in (0, 2, 4, 6)]

    assert [[item["title"] for item in page["items"]] for page in pages] == [["4", "3"], ["2", "1"], ["0"], []]
    assert [(page["total"], page["skip"], page["limit"]) for page in pages] == [
        (5, 0, 2),
        (5, 2, 2),
        (5, 4, 2),
        (5, 6, 2),
    ]


def test_looks_of_the_same_moment_have_a_fixed_order(client: APIClient, ann: Any, make_look: MakeLook) -> None:
    ids = [make_look(ann, title=str(number), image=None).pk for number in range(6)]
    Look.objects.update(created_at=datetime(2026, 1, 1, tzinfo=UTC))

    pages = [client.get(URL, {"skip": skip, "limit": 1}).json()["items"][0]["id"] for skip in range(6)]

    assert pages == [str(pk) for pk in sorted(ids, reverse=True)]


def test_item_is_the_same_as_the_look_itself(
    client: APIClient, ann: Any, make_look: MakeLook, make_video: MakeVideo, make_user: MakeUser
) -> None:
    product: Any = {"name": "Dress", "price": Decimal("120.00"), "currency": "EUR"}
    look = make_look(ann, readers=(make_user("ben@example.com"),), visibility="shared", products=[product])
    make_video(ann, look=look, is_default=True)

    assert client.get(URL).json()["items"] == [client.get(f"{URL}/{look.pk}").json()]
    assert client.get(f"{URL}/{str(look.pk).upper()}/").json() == client.get(f"{URL}/{look.pk}").json()


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": "x"}, {"skip": -1}, {"skip": 1_000_001}, {"view": "all"}, {"search": "x" * 201}],
)
def test_malformed_query_is_refused(client: APIClient, query: dict[str, Any]) -> None:
    response = client.get(URL, query)

    assert (response.status_code, list(response.json()["errors"])) == (400, list(query))


def test_nul_in_a_search_is_refused(client: APIClient) -> None:
    assert client.get(f"{URL}?search=a%00b").json()["errors"] == {"search": ["Null characters are not allowed."]}


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["B", "A"]),
        ("   ", ["B", "A"]),
        ("shoulder, s", ["A"]),
        ("OFF THE shoulder", ["A"]),
        ("éclat", ["A"]),
        ("E\u0301CLAT", ["A"]),
        ("strasse", ["A"]),
        ("SE-001", ["A"]),
        ("se-0", ["A"]),
        ("maison", ["A"]),
        ("linen   dress", ["A"]),
        ("100%", ["A"]),
        ("%", ["A"]),
        ("100_", []),
        ("_", ["B"]),
        ("\\", ["B"]),
        ("wool", ["B"]),
        ("linen wool", []),
        ("'; DROP TABLE looks_look; --", []),
    ],
)
def test_search(client: APIClient, ann: Any, make_look: MakeLook, search: str, found: list[str]) -> None:
    linen: Any = {"name": "Linen dress", "sku": "SE-001", "designer": "Maison ÉCLAT"}
    make_look(ann, title="A", notes="100% off the\nshoulder, Straße", products=[linen], image=None)
    make_look(ann, title="B", notes="W_X \\ Z", products=[{"name": "Wool"}], image=None)

    assert titles(client, search=search) == found


def test_search_follows_changes_and_stays_within_the_view(
    client: APIClient, ann: Any, make_look: MakeLook, make_user: MakeUser
) -> None:
    look = make_look(ann, title="Red", products=[{"name": "Belt"}])
    make_look(make_user("ben@example.com"), title="Red of Ben")

    client.patch(f"{URL}/{look.pk}", {"title": "Blue"}, format="json")
    assert (titles(client, search="red"), titles(client, search="blue"), titles(client, search="belt")) == (
        [],
        ["Blue"],
        ["Blue"],
    )

    client.patch(f"{URL}/{look.pk}", {"products": [{"name": "Scarf"}]}, format="json")
    assert (titles(client, search="belt"), titles(client, search="scarf")) == ([], ["Blue"])
    assert titles(client, search="ben", view="public") == []


def test_videos_of_a_look(client: APIClient, ann: Any, make_look: MakeLook, make_video: MakeVideo) -> None:
    look, other = make_look(ann), make_look(ann)
    old = make_video(ann, look=look, is_default=True, poster="videos/p.jpg")
    failed = make_video(ann, look=look, phase=Phase.FAILED)
    running = make_video(ann, look=look, phase=Phase.GENERATING, progress_percentage=40)
    make_video(ann, look=other)
    now = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    for video, age in ((old, 2), (failed, 1), (running, 0)):
        VideoJob.objects.filter(pk=video.pk).update(created_at=now - timedelta(hours=age))

    videos = client.get(f"{URL}/{look.pk}").json()["videos"]

    assert videos == [
        {
            "id": str(running.pk),
            "status": "RUNNING",
            "cloudinaryUrl": None,
            "posterUrl": f"http://testserver/media/{look.thumbnail.name}",
            "isDefault": False,
            "createdAt": "2026-03-01T12:00:00.123Z",
            "progressPercentage": 40,
        },
        {
            "id": str(failed.pk),
            "status": "FAILED",
            "cloudinaryUrl": None,
            "posterUrl": f"http://testserver/media/{look.thumbnail.name}",
            "isDefault": False,
            "createdAt": "2026-03-01T11:00:00.123Z",
            "progressPercentage": 0,
        },
        {
            "id": str(old.pk),
            "status": "SUCCEEDED",
            "cloudinaryUrl": f"http://testserver/media/videos/{old.pk}.mp4",
            "posterUrl": "http://testserver/media/videos/p.jpg",
            "isDefault": True,
            "createdAt": "2026-03-01T10:00:00.123Z",
            "progressPercentage": 100,
        },
    ]


def test_videos_of_the_same_moment_have_a_fixed_order(
    client: APIClient, ann: Any, make_look: MakeLook, make_video: MakeVideo
) -> None:
    look = make_look(ann)
    ids = [make_video(ann, look=look).pk for _ in range(5)]
    VideoJob.objects.update(created_at=datetime(2026, 1, 1, tzinfo=UTC))

    videos = client.get(f"{URL}/{look.pk}").json()["videos"]

    assert [video["id"] for video in videos] == [str(pk) for pk in sorted(ids, reverse=True)]


# -- What a page costs


Statements = Callable[[str], int]


@pytest.fixture
def statements(client: APIClient) -> Statements:
    """The number of SQL statements of a GET, reading the caller included."""

    def count(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            response = client.get(path)
        assert response.status_code == 200
        return len(queries)

    return count


@pytest.mark.parametrize("view", ["mine", "shared", "public"])
def test_page_of_a_hundred_takes_as_many_statements_as_a_page_of_one(
    ann: Any, make_user: MakeUser, make_look: MakeLook, make_video: MakeVideo, statements: Statements, view: str
) -> None:
    ben = make_user("ben@example.com")
    owner, readers = (ann, (ben,)) if view == "mine" else (ben, (ann,))
    visibility = "shared" if view == "mine" else view

    def add(number: int) -> None:
        look = make_look(owner, readers=readers, visibility=visibility, title=f"{view} {number}", image=None)
        make_video(owner, look=look)
        make_video(owner, look=look, phase=Phase.FAILED)

    path = f"{URL}?view={view}&limit=100&search={view}"
    counts = [statements(path)]
    add(0)
    counts.append(statements(path))
    for number in range(1, 100):
        add(number)
    counts.append(statements(path))

    assert counts == [2, 4, 4]  # the caller; looks with their number and readers; products; videos


def test_look_itself_takes_four_statements(
    ann: Any, make_look: MakeLook, make_video: MakeVideo, statements: Statements
) -> None:
    look = make_look(ann)
    for _ in range(3):
        make_video(ann, look=look)

    assert statements(f"{URL}/{look.pk}") == 4


def test_page_beyond_the_end_is_counted_apart(ann: Any, make_look: MakeLook, statements: Statements) -> None:
    make_look(ann, image=None)

    assert statements(f"{URL}?skip=5") == 3
