"""The canonical spelling of e-mail addresses, to be used wherever one is stored, searched or counted."""

import idna
from django.core.exceptions import ValidationError

LENGTH_MAX = 320  # characters, by RFC 3696, 3
DELETED_DOMAIN = "deleted.invalid"  # of deleted accounts; nobody can have an address in .invalid (RFC 2606, 2)


def normal_email(address: str) -> str:
    """In lower case, with the domain in ASCII: `ann@xn--bcher-kva.example` for `Ann@Bücher.example`.

    Text that is no address is stripped and lowered only.
    """
    address = address.strip().lower()
    local, at, domain = address.rpartition("@")
    if domain.isascii() or not at or len(address) > LENGTH_MAX:
        return address
    return f"{local}@{_a_label(domain)}"


def _a_label(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode()
    except UnicodeError:  # the base of idna's own errors
        pass
    try:  # characters of the older standard, IDNA 2003, which registries have sold: i❤.example
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain


def require_plain(address: str) -> None:
    """Raise ValidationError for a quoted local part, which may contain any character, and for letters beyond ASCII.

    Also for an address of a deleted account.

    Django's own check accepts some: ignoring case, Python's regular expressions match the long s as an s.
    """
    plain = normal_email(address)
    if not (plain.isascii() and plain.isprintable()) or '"' in plain or plain.endswith(f"@{DELETED_DOMAIN}"):
        raise ValidationError("Enter a valid email address.", code="invalid")
