"""No URL of a webhook, and no name that it has, leads into a private network."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes.receiver import FakeReceiver
from videos.webhooks import addresses, client
from videos.webhooks.addresses import Refused

PRIVATE = (
    *("0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16"),
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
    *("198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1"),
    *("3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "5f00::1", "4000::1"),
)
PUBLIC = ("1.1.1.1", "8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1")
# Other spellings of 127.0.0.1 and of a metadata service, which resolvers read as these.
SPELLINGS = (
    *("127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1", "0x7f.1", "0x7f000001", "0x7F.0.0.0x1"),
    *("2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "127.0.0.1.", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]"),
)
REFUSED_URLS = (
    "",
    "hooks.example.com",
    "//hooks.example.com/",
    "http://hooks.example.com/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com/",
    "https://",
    "https:///path",
    "https://user@hooks.example.com/",
    "https://user:password@hooks.example.com/",
    "https://@hooks.example.com/",
    "https://hooks.example.com@127.0.0.1/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com#@127.0.0.1/",
    "https://hooks.example.com/#part",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:80/",
    "https://hooks.example.com:1023/",
    "https://hooks.example.com:65536/",
    "https://hooks.example.com:port/",
    "https://localhost/",
    "https://redis:6379/",
    "https://hooks..example.com/",
    "https://-hooks.example.com/",
    "https://hooks.example.com /",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/\r\nX-Header: 1",
    "https://hooks.example.com/\t",
    "https://höoks.example.com/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://[v1.a]/",
    *(f"https://{host}/" for host in SPELLINGS),
    *(f"https://[{ip}]/" if ":" in ip else f"https://{ip}/" for ip in PRIVATE if "%" not in ip),
)
ACCEPTED_URLS = (
    "https://hooks.example.com",
    "https://hooks.example.com/a?b=c",
    "HTTPS://Hooks.Example.COM/",
    "https://hooks.example.com:443/",
    "https://hooks.example.com:8443/",
    "https://xn--hks-sna.example.com/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]:8443/",
)

Resolver = Callable[..., list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """A resolver with these addresses in place of the system's; each list is one response, the last one stays."""
    responses: list[list[str]] = []

    def resolve(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        try:  # of an address, the system's resolver returns the address
            found = [str(ipaddress.ip_address(host))]
        except ValueError:
            found = responses.pop(0) if len(responses) > 1 else responses[0]
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, 1, 6, "", (ip, port)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    def set_responses(*lists: list[str]) -> list[str]:
        responses[:] = lists
        return []

    return set_responses


@pytest.mark.parametrize("ip", PRIVATE)
def test_private_address_is_not_public(ip: str) -> None:
    assert not addresses.is_public(ip)


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_address_is_public(ip: str) -> None:
    assert addresses.is_public(ip)


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_url_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        addresses.parse(url)


@pytest.mark.parametrize("url", ACCEPTED_URLS)
def test_url_is_accepted(url: str) -> None:
    assert addresses.parse(url).scheme == "https"


@pytest.mark.parametrize("ip", PRIVATE)
def test_name_of_a_private_address_is_refused(names: Resolver, ip: str) -> None:
    names([ip])

    with pytest.raises(Refused, match="not public"):
        addresses.resolve(addresses.parse("https://hooks.example.com/"))


def test_one_private_address_among_public_ones_is_refused(names: Resolver) -> None:
    names(["8.8.8.8", "127.0.0.1"])

    with pytest.raises(Refused, match="not public"):
        addresses.resolve(addresses.parse("https://hooks.example.com/"))


@pytest.mark.parametrize("spelling", [spelling for spelling in SPELLINGS if "[" not in spelling])
def test_number_that_the_resolver_reads_as_an_address_is_refused(spelling: str) -> None:
    target = addresses.Target("https", spelling.rstrip("."), 443, "/")  # as if the check of the URL had missed it

    with pytest.raises((Refused, addresses.Unresolved)):
        addresses.resolve(target)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses that were connected to; no connection is made."""
    attempted: list[Any] = []

    def connect(sock: socket.socket, address: Any) -> None:
        attempted.append(address[:2])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return attempted


def test_connection_goes_to_the_address_that_was_checked(names: Resolver, connections: list[Any]) -> None:
    """The name resolves to another address a moment later: rebinding."""
    names(["8.8.8.8"], ["127.0.0.1"])

    with pytest.raises(client.SendFailed, match="refused"):
        client.post(url="https://hooks.example.com/", body=b"{}", headers={})

    assert connections == [("8.8.8.8", 443)]


def test_every_address_is_tried(names: Resolver, connections: list[Any]) -> None:
    names(["2606:4700:4700::1111", "8.8.8.8"])

    with pytest.raises(client.SendFailed, match="refused"):
        client.post(url="https://hooks.example.com:8443/", body=b"{}", headers={})

    assert connections == [("2606:4700:4700::1111", 8443), ("8.8.8.8", 8443)]


def test_private_name_is_not_connected_to(names: Resolver, connections: list[Any]) -> None:
    names(["169.254.169.254"])

    with pytest.raises(client.SendFailed, match="not public"):
        client.post(url="https://hooks.example.com/", body=b"{}", headers={})

    assert connections == []


def test_address_that_was_stored_before_is_checked_again(connections: list[Any]) -> None:
    """As after WEBHOOK_ALLOW_PRIVATE was unset."""
    with pytest.raises(client.SendFailed, match="https"):
        client.post(url="http://127.0.0.1:8000/", body=b"{}", headers={})

    assert connections == []


def test_development_opens_private_addresses(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True

    assert addresses.resolve(addresses.parse("http://127.0.0.1:80/")) == ["127.0.0.1"]
    assert addresses.parse("http://localhost:3000").authority == "localhost:3000"


def test_name_that_does_not_resolve_is_no_refusal(names: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(addresses.Unresolved, match="does not resolve"):
        addresses.resolve(addresses.parse("https://hooks.example.com/"))


def test_slow_resolver_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def hang(*args: Any, **options: Any) -> None:
        is_over.wait(30)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    with pytest.raises(addresses.Unresolved, match="in time"):
        addresses.resolve(addresses.parse("https://hooks.example.com/"), timeout=0.05)
    is_over.set()


@pytest.fixture
def receiver(settings: Any) -> Iterator[FakeReceiver]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with FakeReceiver() as receiver:
        yield receiver


def test_redirect_is_not_followed(receiver: FakeReceiver) -> None:
    receiver.account.otherwise = "redirect"

    assert client.post(url=f"{receiver.url}/hooks", body=b"{}", headers={}) == 302
    assert [message.path for message in receiver.messages] == ["/hooks"]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"])
def test_proxy_of_the_environment_is_not_used(
    receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: nothing listens
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert client.post(url=f"{receiver.url}/hooks", body=b"{}", headers={}) == 204
