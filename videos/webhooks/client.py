"""Sends one HTTP request to a webhook's receiver, within 15 seconds from the lookup to the response.

No redirect is followed, no proxy of the environment is used, and nothing of the response is kept but its status.
"""

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import certifi
import urllib3
from urllib3 import exceptions

from studio import deadlines
from videos.webhooks import addresses
from videos.webhooks.addresses import Target

SECONDS = 15  # for the whole attempt
CONNECT_SECONDS = (
    5  # ... of it, for a connection to one address, and as long again for TLS; at most half of what is left
)
BROKEN = "The connection broke before the response."
READ_MOST = 64 * 1024  # bytes of the response; read so that the receiver can finish it


class SendFailed(Exception):
    """The message got no response; the message is a sentence for the webhook's owner."""


def post(*, url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """POST the body; the status of the response. Raises SendFailed."""
    with deadlines.limit(SECONDS):
        try:
            target = addresses.parse(url)  # again: the settings may have changed
            found = addresses.resolve(target)
            return _send_to_one_of(found, target, body, {**headers, "Host": target.authority})
        except (addresses.Refused, addresses.Unresolved) as exc:
            raise SendFailed(str(exc)) from exc
        except (exceptions.HTTPError, TimeoutError) as exc:
            raise SendFailed(_sentence(exc)) from exc


def _send_to_one_of(found: list[str], target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    """Send to the first address that accepts a connection. Raises HTTPError and TimeoutError."""
    for address in found[:-1]:
        try:
            return _send(address, target, body, headers)
        except (exceptions.ConnectTimeoutError, exceptions.NewConnectionError):
            continue
    return _send(found[-1], target, body, headers)


def _send(address: str, target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    of_tls: dict[str, Any] = {}
    if target.scheme == "https":
        # the certificate has to be the name's, although the connection is to the address: OpenSSL compares them
        of_tls = {"ssl_context": _trusted(), "server_hostname": target.host}
    connect_seconds = min(CONNECT_SECONDS, (deadlines.seconds_left(None) or SECONDS) / 2)
    host = f"[{address}]" if ":" in address else address
    with deadlines.apply_to(urllib3.PoolManager(num_pools=1, **of_tls)) as pool:
        response = pool.request(
            "POST",
            f"{target.scheme}://{host}:{target.port}{target.path}",
            body=body,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=connect_seconds, read=SECONDS),
        )
        _read(response)
        response.close()
        return int(response.status)


def _read(response: urllib3.BaseHTTPResponse) -> None:
    """Read a bounded part of the body. Its end does not matter: the receiver has decided."""
    try:
        response.read(READ_MOST)
    except (exceptions.HTTPError, OSError):
        return


@cache
def _trusted() -> ssl.SSLContext:
    """The system's certificate authorities, and Mozilla's, which a container may lack."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _sentence(exc: Exception) -> str:
    if isinstance(exc, TimeoutError | exceptions.TimeoutError) and not isinstance(exc, exceptions.NewConnectionError):
        return f"No response within {SECONDS} s."
    if isinstance(exc, exceptions.SSLError):
        cause = exc.args[0] if exc.args else exc
        return f"TLS failed: {getattr(cause, 'verify_message', '') or type(cause).__name__}."
    if isinstance(exc, exceptions.NewConnectionError):
        return "The connection was refused, or there is no route."
    return BROKEN
