"""Compares the responses of two sides, field by field."""

from typing import Any

from benchmarks.deployment import Deployment

# Fields that may differ between two responses to the same request.
VOLATILE = {"id", "createdAt", "updatedAt", "created_at", "updated_at", "timestamp"}


def without_ports(body: Any, site: Deployment) -> Any:
    """The body, with URLs that do not say which process they lead to."""
    if isinstance(body, dict):
        return {name: without_ports(value, site) for name, value in body.items()}
    if isinstance(body, list):
        return [without_ports(value, site) for value in body]
    if isinstance(body, str):
        for port in site.ports.values():
            body = body.replace(f":{port}/", "/")
    return body


def lasting(body: Any) -> Any:
    """The body without what differs between two requests."""
    if isinstance(body, dict):
        return {name: lasting(value) for name, value in body.items() if name not in VOLATILE}
    return [lasting(value) for value in body] if isinstance(body, list) else body


def first_difference(one: Any, other: Any, path: str = "") -> str:
    """Where two bodies differ first, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            if one.get(name) != other.get(name) or (name in one) != (name in other):
                return first_difference(one.get(name), other.get(name), f"{path}.{name}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (mine, plain) in enumerate(zip(one, other, strict=True)):
            if mine != plain:
                return first_difference(mine, plain, f"{path}[{number}]")
    return f"{path or 'all'}: {str(one)[:120]!r} and {str(other)[:120]!r}"
