"""The one spelling of an e-mail address. Whatever stores, looks up or counts by an address asks here first."""

import idna
from django.core.exceptions import ValidationError

LENGTH_MAX = 320  # characters; RFC 3696, 3: no longer one can be an address, and none is worth the work


def normal_email(address: str) -> str:
    """In lower case, with the domain as mail servers name it: `Ann@Bücher.example` is `ann@xn--bcher-kva.example`.

    What is no address comes back in lower case, without blanks around it.
    """
    address = address.strip().lower()
    local, at, domain = address.rpartition("@")
    if domain.isascii() or not at or len(address) > LENGTH_MAX:
        return address
    return f"{local}@{_a_label(domain)}"


def _a_label(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode()
    except UnicodeError:  # idna's own errors are such
        pass
    try:  # signs of the standard before, that registries have sold: i❤.example
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain


def require_plain(address: str) -> None:
    """Raise ValidationError for a quoted local part, which may hold any sign, and for letters beyond ASCII.

    Python's regular expressions take the long s for an s where case is ignored: Django's own check lets such an
    address pass.
    """
    plain = normal_email(address)
    if not (plain.isascii() and plain.isprintable()) or '"' in plain:
        raise ValidationError("Enter a valid email address.", code="invalid")
