"""Says in words for staff why a storage service was not trusted, where its certificate is the reason."""

import ssl
from collections.abc import Iterator

# By the verification's result (openssl/x509_vfy.h). Each can be passing: a certificate is renewed, a clock set right.
_REASONS = {
    9: "its certificate is not valid yet, or the clock of this machine is wrong",
    10: "its certificate has expired, or the clock of this machine is wrong",
    18: "its certificate is signed by no authority known here; does a proxy read along?",
    19: "its certificate is signed by no authority known here; does a proxy read along?",
    20: "its certificate is signed by no authority known here; does a proxy read along?",
    21: "its certificate is signed by no authority known here; does a proxy read along?",
    62: "its certificate is for another host; see the hosts in CLOUDINARY_URL",
}


def in_words(exc: BaseException) -> str:
    """The exception, behind what it means for those who run the site, where that is known."""
    for one in _chain(exc):
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"{_REASONS.get(one.verify_code, 'its certificate was refused')}; {one.verify_message}"
        if isinstance(one, ssl.SSLError):
            return f"no encrypted connection could be made; {one.reason or one}"
    return str(exc) or repr(exc)


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    """It and what it was made from: urllib3 keeps that as a `reason`, or as its first argument."""
    seen: set[int] = set()
    waiting = [exc]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args[:1]]
