"""Fills an empty database for a benchmark; runs inside `manage.py shell`."""

import json
from datetime import UTC, datetime

from django.conf import settings
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.models import User
from accounts.registration import create_person
from videos.models import VideoJob
from videos.phases import Phase


def main(*, history: int, creators: int) -> None:
    """Make one account with finished jobs and many that can pay for three; print their access tokens."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # nobody signs in with them
    lister = _person("lister")
    VideoJob.objects.bulk_create(_finished_job(lister, number) for number in range(history))
    tokens = [_access_token(_person(f"creator-{number}")) for number in range(creators)]
    print(json.dumps({"lister": _access_token(lister), "creators": tokens}))


def _person(name: str) -> User:
    return create_person(email=f"{name}@example.com", password="not used", tokens=150)


def _access_token(user: User) -> str:
    return str(RefreshToken.for_user(user).access_token)


def _finished_job(owner: User, number: int) -> VideoJob:
    return VideoJob(
        owner=owner,
        prompt=f"A dress, number {number}",
        model="veo-3.1-generate-preview",
        resolution="720p",
        aspect_ratio="16:9",
        duration_seconds=8,
        mock_mode=True,
        provider="mock",
        operation="mock",
        phase=Phase.SUCCEEDED,
        progress_percentage=100,
        completed_at=datetime.now(UTC),
        video=f"videos/{number}.mp4",
        tokens_charged=50,
    )
