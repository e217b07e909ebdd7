"""The client IP of a request, as far as the client cannot forge it."""

import ipaddress
import re
from typing import cast

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

# Some proxies (Azure's, IIS) append the port. Without this all their clients would share one count of wrong passwords,
# and each could block the sign-ins of the others.
_WITH_PORT = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](:\d{1,5})?|(?P<v4>\d[\d.]*):\d{1,5}")
IPV6_PREFIX = 64  # bits; a household's network, in which it can use any address


def network_of(request: HttpRequest | Request) -> str | None:
    """The client IP, of IPv6 its network; None if the server or the proxy sent no IP.

    With PROXY_COUNT it is the IP that the outermost of our proxies saw.
    """
    ip = request.META.get("REMOTE_ADDR", "")
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if proxies := cast("int", settings.REST_FRAMEWORK["NUM_PROXIES"]):
        ip = hops[-min(proxies, len(hops))].strip() or ip
    if match := _WITH_PORT.fullmatch(ip):
        ip = match["v6"] or match["v4"]
    try:
        found = ipaddress.ip_address(ip)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network(f"{found}/{IPV6_PREFIX}", strict=False).network_address)
    return str(found)
