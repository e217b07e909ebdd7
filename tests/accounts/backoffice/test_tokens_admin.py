"""Tokens that staff give and take in the back office, by role."""

import uuid
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from accounts.roles import Role
from tests.accounts.backoffice.conftest import entries, page_of
from tests.conftest import MakeUser

pytestmark = pytest.mark.django_db


def order(**change: Any) -> dict[str, Any]:
    return {"kind": "grant", "tokens": "500", "reason": "invoice 7", "entry_id": str(uuid.UUID(int=7)), **change}


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_tokens_are_granted_after_a_second_look(clerk: Any, make_user: MakeUser, role: Role) -> None:
    ann, office = make_user(tokens=10), clerk(role)

    form = office.get(page_of(ann, "tokens")).content.decode()
    look = office.post(page_of(ann, "tokens"), order()).content.decode()
    before = entries(ann)
    done = office.post(page_of(ann, "tokens"), order(step="sure"), follow=True).content.decode()
    office.post(page_of(ann, "tokens"), order(step="sure"))  # pressed twice

    assert "ann@example.com has 10 tokens" in form
    assert "the balance goes from 10 to 510. The reason: invoice 7" in look
    assert 'name="step" value="sure"' in look
    assert (before, entries(ann)) == ([], [("grant", 500, 510, "invoice 7", "sue@example.com")])
    assert "has 510 tokens now" in done
    assert LogEntry.objects.filter(object_id=str(ann.pk)).first().change_message == "grant of 500 tokens: invoice 7"  # type: ignore[union-attr]


def test_balance_is_corrected_downwards(clerk: Any, make_user: MakeUser) -> None:
    ann = make_user(tokens=60)

    clerk(Role.OPERATOR).post(page_of(ann, "tokens"), order(kind="adjustment", tokens="-60", step="sure"))

    assert entries(ann) == [("adjustment", -60, 0, "invoice 7", "sue@example.com")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reason": " "}, "This field is required."),
        ({"reason": "y" * 501}, "at most 500"),
        ({"tokens": "0"}, "Zero changes nothing."),
        ({"tokens": "1.5"}, "Enter a whole number."),
        ({"tokens": "1000000001"}, "less than or equal to 1000000000"),
        ({"tokens": "-5"}, "choose a correction"),
        ({"kind": "adjustment", "tokens": "-11"}, "The balance is 10; it cannot go below zero."),
        ({"kind": "charge"}, "Select a valid choice."),
        ({"entry_id": "x"}, "Enter a valid UUID."),
    ],
)
def test_slip_is_refused_with_a_reason(clerk: Any, make_user: MakeUser, change: dict[str, str], message: str) -> None:
    ann = make_user(tokens=10)

    answer = clerk(Role.OPERATOR).post(page_of(ann, "tokens"), order(step="sure", **change))

    assert (answer.status_code, message in answer.content.decode()) == (200, True)
    assert entries(ann) == []


def test_support_gives_no_tokens(clerk: Any, make_user: MakeUser) -> None:
    ann, office = make_user(), clerk(Role.SUPPORT)

    assert page_of(ann, "tokens") not in office.get(page_of(ann)).content.decode()
    assert office.post(page_of(ann, "tokens"), order(step="sure")).status_code == 403
    assert entries(ann) == []
