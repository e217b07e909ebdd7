"""The banner of `manage.py up`: links, accounts, and the first video, once the web process responds."""

import contextlib
import http.client
import ipaddress
import shlex
import time

from django.conf import settings

from operations.demo.account import DEMO_EMAIL
from operations.local.supervisor import Console
from studio import env

HINT_SECONDS = 60  # between two messages that the web process does not respond
LOOPBACK = ("127.0.0.1", "::1")
BANNER = """
AI Studio is ready: {base}/

  API     {base}/api/v1
  Docs    {base}/docs
  Admin   {base}/admin/
{accounts}
  Data and logs are in {data}. Ctrl+C stops everything.
  Some looks and videos to start with: {manage} seed_demo
"""
FIRST_VIDEO = """
Make a video (paste into a shell; nothing leaves this machine, and it costs nothing):

  curl -sSi -X POST {api}/video-jobs -H "Authorization: Bearer $({sign_in})" -F mockMode=true -F 'prompt=A red dress in the wind'

Show your last video, and download it once it is ready:

  T=$({sign_in}); V=$(curl -s -H "Authorization: Bearer $T" '{api}/video-jobs?limit=1' | grep -oE '[0-9a-f-]{{36}}' | head -n 1); curl -s -H "Authorization: Bearer $T" {api}/video-jobs/$V; curl -sf --retry 60 --retry-delay 1 --retry-all-errors -H "Authorization: Bearer $T" {api}/video-jobs/$V/download -o video.mp4; echo; ls -l video.mp4
"""  # noqa: E501 - one line each, to be pasted
SIGN_IN = (
    """curl -s {api}/auth/token -d email={email} -d password={password} | sed -E 's/.*"access": ?"([^"]+)".*/\\1/'"""
)


def announce(console: Console, accounts: dict[str, str]) -> None:
    """Print the banner once the web process responds."""
    hint_at = time.monotonic() + HINT_SECONDS
    while not _web_responds():
        if time.monotonic() > hint_at:
            console.say(f"The web process does not respond yet; see {settings.DATA_DIR / 'logs' / 'web.log'}.")
            hint_at += HINT_SECONDS
        time.sleep(0.1)
    console.say(banner_text(accounts))


def _web_responds() -> bool:
    """Whether `/healthz` responds; a 4xx counts, because ALLOWED_HOSTS need not name this machine."""
    connection = http.client.HTTPConnection(_nearest_host(), settings.PORT, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _nearest_host() -> str:
    """The address at which this machine reaches the web process."""
    with contextlib.suppress(ValueError):  # HOST is a name
        address = ipaddress.ip_address(settings.HOST)
        if address.is_unspecified:  # it listens on all addresses
            return LOOPBACK[address.version == 6]
    return str(settings.HOST)


def banner_text(accounts: dict[str, str]) -> str:
    """The banner, with these passwords; "" stands for a password that was changed."""
    host = _nearest_host()
    name = "localhost" if host in LOOPBACK else f"[{host}]" if ":" in host else host
    base = f"http://{name}:{settings.PORT}{settings.BASE_PATH}"
    lines = [
        f"  {email:<18} password {password or '(changed since it was created)'}" for email, password in accounts.items()
    ]
    listed = "\n".join(["", *lines, ""]) if lines else ""
    variables = (
        "" if settings.DATA_DIR == settings.BASE_DIR / "data" else f"DATA_DIR={shlex.quote(str(settings.DATA_DIR))} "
    )
    if not env.is_checkout():  # env.require_location would refuse a command without ENVIRONMENT
        variables = f"ENVIRONMENT={settings.ENVIRONMENT} {variables}"
    manage = f"{variables}.venv/bin/python manage.py"
    banner = BANNER.format(base=base, accounts=listed, data=settings.DATA_DIR, manage=manage)
    if accounts.get(DEMO_EMAIL):
        api = f"{base}/api/v1"
        banner += FIRST_VIDEO.format(
            api=api, sign_in=SIGN_IN.format(api=api, email=DEMO_EMAIL, password=accounts[DEMO_EMAIL])
        )
    return banner
