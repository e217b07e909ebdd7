"""`manage.py seed_demo`: its rows, right balances, and a second run that adds nothing."""

import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from accounts.models import LedgerEntry, TokenAccount, User
from looks.models import Look, LookVideo, Product
from operations.demo import demonstration
from operations.demo.looks import LOOKS
from studio.models import Disposal
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import URL, MakeLook, MakeVideo, stored_files
from videos.media import mp4
from videos.models import JobInput, VideoJob
from videos.phases import Phase


def seed(*args: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("seed_demo", *args, stdout=out, **options)
    return out.getvalue()


def balances_agree() -> bool:
    return all(
        account.balance == (account.entries.aggregate(sum=Sum("amount"))["sum"] or 0)
        for account in TokenAccount.objects.all()
    )


def counts() -> list[int]:
    return [model.objects.count() for model in (User, Look, Product, VideoJob, LookVideo, LedgerEntry, JobInput)]  # type: ignore[attr-defined]


@pytest.mark.slow
def test_new_account_has_looks_and_videos(db: None, sign_in: SignIn, media: Path) -> None:
    printed = seed()

    user = User.objects.get(email="demo@example.com")
    assert user.email_verified_at is not None
    client = sign_in(user)
    looks = {look["title"]: look for look in client.get(URL).json()["items"]}
    videos = client.get("/api/v1/video-jobs").json()["items"]
    assert printed.startswith("demo@example.com was created. Password: ")
    assert printed.count("Added: ") == 14
    assert len({(media / str(look.image.name)).read_bytes() for look in Look.objects.all()}) == len(looks) == 6
    for look in looks.values():
        assert look["notes"]
        assert 2 <= len(look["products"]) <= 4
        assert all(product["thumbnailUrl"] and product["price"] for product in look["products"])
    assert Counter(video["status"] for video in videos) == {"SUCCEEDED": 4, "FAILED": 2, "PENDING": 2}
    assert {video["errorCode"] for video in videos} == {None, "content_filtered", "provider_busy"}
    (default,) = [video for video in looks["Stone Essence"]["videos"] if video["isDefault"]]
    assert default["status"] == "SUCCEEDED"
    assert looks["Midnight Wool"]["videos"][0]["status"] == "PENDING"
    for job in VideoJob.objects.filter(phase=Phase.SUCCEEDED):
        facts = mp4.inspect(path=media / str(job.video.name))
        assert (facts.width, facts.height, round(facts.duration_seconds)) == (720, 1280, 4)
        assert (media / str(job.poster.name)).is_file()
    assert balances_agree()
    user.token_account.refresh_from_db()
    assert user.token_account.balance == 50  # eight were granted and charged; the one that was never begun came back
    assert not Disposal.objects.exists()

    before, files = counts(), stored_files(media)
    assert seed() == "demo@example.com has everything already; nothing was added.\n"
    assert (counts(), stored_files(media)) == (before, files)


@pytest.fixture
def mostly_filled(make_look: MakeLook, make_video: MakeVideo) -> Callable[[User], None]:
    """Gives an account the slow parts of the demo, except one look."""

    def give(user: User) -> None:
        for demo in LOOKS[1:]:
            make_look(user, title=demo.title, image=None)
        for video in demonstration.VIDEOS:
            if video.phase == Phase.SUCCEEDED:
                make_video(user, prompt=video.prompt)

    return give


@pytest.mark.slow
def test_what_is_missing_is_added_to_an_account_in_use(
    make_user: MakeUser, make_video: MakeVideo, mostly_filled: Callable[[User], None]
) -> None:
    ann = make_user(tokens=7)
    mostly_filled(ann)
    for _ in range(2):
        make_video(ann, phase=Phase.GENERATING)

    printed = seed("ANN@example.com")

    ann.token_account.refresh_from_db()
    assert printed.splitlines() == [
        "Added: look “Stone Essence”.",
        "Added: video “A storm tears at the gown”, FAILED.",
        "Added: video “One turn, and the pleats open”, FAILED.",
        "Added: video “The shawl flies in the evening wind”, PENDING.",  # one slot was free
    ]
    assert (ann.looks.count(), ann.video_jobs.live().count()) == (6, 3)
    assert (ann.token_account.balance, balances_agree()) == (57, True)


def test_unlimited_account_is_granted_nothing(make_user: MakeUser, mostly_filled: Callable[[User], None]) -> None:
    ann = make_user(tokens=0)
    TokenAccount.objects.filter(user=ann).update(unlimited=True)
    mostly_filled(ann)

    seed("ann@example.com")

    assert list(LedgerEntry.objects.values_list("kind", "amount")) == [("charge", 0)] * 4


def test_password_of_a_new_account_can_be_given(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("12345\n"))

    with pytest.raises(CommandError, match="password"):
        seed("--password-stdin")

    assert not User.objects.exists()


def test_bad_address_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="email"):
        seed("nobody")

    assert not User.objects.exists()
