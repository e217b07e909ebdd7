"""Whether the time of a response shows that an address has an account: both kinds of addresses, in turns.

That status, body and statements are the same is tested (`tests/accounts/test_enumeration.py`).
"""

import json
from collections.abc import Callable, Sequence
from itertools import chain

from benchmarks import load, meters
from benchmarks.deployment import deployment
from benchmarks.load import Shot, shot
from benchmarks.report import Report

ATTEMPTS = 200  # of each kind
QUICK = 5  # times as many where no password is hashed: a request then takes a fortieth of the time, and varies more
ADDRESSES = 20  # of each kind
WARMING = 20  # requests before anything is measured
FACTOR = 1.05  # of the slower median to the faster one, at most
KINDS = ("with an account", "without an account")
NEVER = "1000000000/day"  # a limit that is counted as usual, and never reached


def run(report: Report) -> None:
    """Send the requests of each way over one connection, so that no request waits for another."""
    rates = dict.fromkeys(("SIGN_IN_RATE", "SIGN_IN_ADDRESS_RATE", "MAIL_RATE", "MAIL_ADDRESS_RATE"), NEVER)
    with deployment(**rates, SIGN_IN_FAILURES="1000000", SIGN_IN_ADDRESS_FAILURES="1000000") as site:
        core, _ = site.give_services_a_core()
        ways = _ways()
        site.start_web("product", workers=1, core=core)
        rows = []
        for name, (attempts, shot_to) in ways.items():
            load.fire(_in_turns(shot_to, WARMING // 2), port=site.ports["product"], clients=1)
            volley = load.fire(_in_turns(shot_to, attempts), port=site.ports["product"], clients=1)
            known, unknown = (1000 * meters.median(volley.by_kind[kind]) for kind in KINDS)
            rows.append([name, attempts, known, unknown])
            report.target(name, value=max(known, unknown) / min(known, unknown), limit=FACTOR)
    report.table("Medians", ["endpoint", "attempts", *(f"{kind}, ms" for kind in KINDS)], rows)


def _ways() -> dict[str, tuple[int, Callable[[str], Shot]]]:
    """The endpoints that take an address, each with the number of attempts and its request for an address."""
    from benchmarks import rows
    from looks.models import Look

    rows.users("known", ADDRESSES)
    owner = rows.user("owner")
    look = Look.objects.create(owner=owner, title="Stone Essence", visibility="shared")
    token = rows.access_token(owner)
    rows.settle()

    def post(path: str, status: int, **fields: str) -> Callable[[str], Shot]:
        return lambda address: _json("POST", path, {"email": address, **fields}, status=status)

    def share(address: str) -> Shot:
        return _json("PATCH", f"/api/v1/looks/{look.pk}", {"sharedWithEmails": [address]}, token=token, status=200)

    return {
        "sign-in with a wrong password": (ATTEMPTS, post("/api/v1/auth/token", 401, password="not the right one")),
        "reset of the password": (QUICK * ATTEMPTS, post("/api/v1/auth/password/reset", 202)),
        "verification of the address": (QUICK * ATTEMPTS, post("/api/v1/auth/email/verify", 202)),
        "sharing by address": (QUICK * ATTEMPTS, share),
    }


def _json(method: str, path: str, body: dict[str, object], *, status: int, token: str = "") -> Shot:
    data = json.dumps(body).encode()
    return shot(method, path, token=token, body=data, content_type="application/json", status=status)


def _in_turns(shot_to: Callable[[str], Shot], attempts: int) -> Sequence[Shot]:
    """Alternating, and each kind as often the first: a drift of the machine's speed concerns both alike."""
    pairs = []
    for number in range(attempts):
        known, unknown = (
            Shot(one.data, one.status, kind)
            for kind, name in zip(KINDS, ("known", "alien"), strict=True)
            for one in [shot_to(f"{name}-{number % ADDRESSES}@example.com")]
        )
        pairs.append((known, unknown) if number % 2 else (unknown, known))
    return list(chain.from_iterable(pairs))
