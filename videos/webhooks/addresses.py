"""Which addresses a webhook may have, so that none reaches into our own network.

A URL is checked when it is stored. Its host is resolved for each attempt, all its addresses are checked, and the
connection goes to one of these addresses: a name that resolves differently a moment later gains nothing.
With WEBHOOK_ALLOW_PRIVATE, for development, any address and plain HTTP are allowed.
"""

import ipaddress
import queue
import re
import socket
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

HTTPS_PORT = 443
FIRST_FREE_PORT = 1024  # below are the ports of other protocols, such as SSH and SMTP (RFC 6335: system ports)
LOOKUP_SECONDS = 5
# Not public, although `ipaddress` (Python 3.11) says so, or says so in some releases only. By IANA's registries of
# special-purpose addresses (2026-11).
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "100.64.0.0/10",  # between a provider and its customers; Alibaba's metadata
            "168.63.129.16/32",  # a public address that every machine of Azure reaches as its host
            "192.0.0.0/24",  # protocol assignments; Oracle's metadata
            "192.88.99.0/24",  # 6to4 relays
            "2001::/23",  # protocol assignments; Teredo, which contains an IPv4 address
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which contains an IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)
# All other IPv6 addresses are local, reserved, multicast, or contain an IPv4 address: mapped, compatible, NAT64.
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")


class Refused(Exception):
    """The address is not allowed; the message is a sentence for the webhook's owner."""


class Unresolved(Exception):
    """The host has no address at the moment."""


@dataclass(frozen=True)
class Target:
    """Where a message goes. `host` is a name in ASCII, or an IP address without brackets."""

    scheme: str
    host: str
    port: int
    path: str  # with the query

    @property
    def authority(self) -> str:
        """The header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"https": 443, "http": 80}[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """The target of a URL. Raises Refused for one that a webhook may not have; resolves nothing."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise Refused("Must be an absolute URL, such as https://example.com/hooks.") from exc
    if any(not "!" <= character <= "~" for character in url):
        raise Refused("Must consist of printable ASCII characters; write others in percent-encoding or as punycode.")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise Refused("Must be an absolute URL, such as https://example.com/hooks.")
    if parts.scheme == "http" and not settings.WEBHOOK_ALLOW_PRIVATE:
        raise Refused("Must begin with https://.")
    if "@" in parts.netloc:
        raise Refused("Must have no user name or password; put a secret into the path.")
    if parts.fragment:
        raise Refused("Must have no fragment (#).")
    target = Target(
        scheme=parts.scheme,
        host=_host(parts),
        port={"https": 443, "http": 80}[parts.scheme] if port is None else port,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )
    _check(target)
    return target


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")  # without the root's dot, which certificates do not have
    if "[" in parts.netloc:  # IPv6; a zone such as %eth0 is local to a machine
        if "%" in host:
            raise Refused("Must have no zone (%) in its IPv6 address.")
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError as exc:
            raise Refused("Has an IPv6 address that is malformed.") from exc
    if not _NAME.fullmatch(host) or len(host) > 253:
        raise Refused("Has a host name that is malformed.")
    return host


def _check(target: Target) -> None:
    """Raise Refused for a port or a literal address that is not allowed."""
    if settings.WEBHOOK_ALLOW_PRIVATE:
        return
    if target.port != HTTPS_PORT and target.port < FIRST_FREE_PORT:
        raise Refused(f"Must have port {HTTPS_PORT}, or one from {FIRST_FREE_PORT}.")
    literal = _literal(target.host)
    if literal is not None and not is_public(literal):
        raise Refused("Has an address that is not public.")
    if literal is None and "." not in target.host:
        raise Refused("Must have a full host name, such as hooks.example.com.")


def _literal(host: str) -> str | None:
    """The IP address that a host is, in any form that resolvers read (`127.1`, `0x7f000001`); None for a name."""
    if ":" in host:
        return host
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def is_public(address: str) -> bool:
    """Whether every machine of the internet can reach this IP address, and none only from within a network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 6 and ip not in _GLOBAL_IPV6:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _SPECIAL)


def resolve(target: Target, *, timeout: float = LOOKUP_SECONDS) -> list[str]:
    """The IP addresses of the target, in the order in which to try them. `timeout` is in seconds.

    Raises Refused unless all of them are public, and Unresolved.
    """
    addresses = list(dict.fromkeys(_lookup(target, timeout)))
    if not settings.WEBHOOK_ALLOW_PRIVATE and not all(map(is_public, addresses)):
        # without the address: it may be of our own network
        raise Refused("The host has an address that is not public.")
    return addresses


def _lookup(target: Target, timeout: float) -> list[str]:
    """Ask the system's resolver in a thread: it has no time-out of its own that is below half a minute."""
    found: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            found.put([str(entry[4][0]) for entry in entries])
        except (OSError, UnicodeError) as exc:
            found.put(exc)

    threading.Thread(target=look_up, name="resolver", daemon=True).start()
    try:
        outcome = found.get(timeout=max(timeout, 0))
    except queue.Empty:
        raise Unresolved("The host's name was not resolved in time.") from None
    if isinstance(outcome, Exception) or not outcome:
        raise Unresolved("The host's name does not resolve.")
    return outcome
