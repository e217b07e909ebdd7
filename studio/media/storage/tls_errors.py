"""Explains TLS failures of a storage service to staff."""

import ssl
from collections.abc import Iterator

# By verification result (openssl/x509_vfy.h). Each may pass: a certificate is renewed, a clock is set.
_REASONS = dict.fromkeys(
    (18, 19, 20, 21), "its certificate is signed by an unknown authority; does a proxy intercept TLS?"
) | {
    9: "its certificate is not valid yet, or the clock of this machine is wrong",
    10: "its certificate has expired, or the clock of this machine is wrong",
    62: "its certificate is for another host; see the hosts in CLOUDINARY_URL",
}


def explain(exc: BaseException) -> str:
    """The exception in words, with its reason if it is a TLS failure."""
    for one in _chain(exc):
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"{_REASONS.get(one.verify_code, 'its certificate was refused')}; {one.verify_message}"
        if isinstance(one, ssl.SSLError):
            return f"no encrypted connection could be made; {one.reason or one}"
    return str(exc) or repr(exc)


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    """The exception and its causes; urllib3 keeps a cause as `reason` or as the first argument."""
    seen: set[int] = set()
    waiting = [exc]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args[:1]]
