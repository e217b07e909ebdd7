"""The links of a look in the admin: seen without their addresses, and revoked."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts import roles
from accounts.roles import Role
from looks import links
from looks.models import LookLink
from tests.conftest import MakeUser
from tests.fixtures.looks import MakeLook

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(make_user: MakeUser, make_look: MakeLook) -> LookLink:
    ann = make_user()
    return links.create(look_id=make_look(ann, image=None).pk, user=ann)


def office(make_user: MakeUser, role: Role) -> Client:
    user = make_user(f"{role.value}@example.com")
    roles.assign(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, link: LookLink) -> str:
    return client.get(f"/admin/looks/look/{link.look_id}/change/").content.decode()


def revoke(client: Client, link: LookLink) -> int:
    return client.post(f"/admin/looks/look/{link.look_id}/links/{link.pk}/revoke/").status_code


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.OPERATOR, Role.ADMIN])
def test_staff_see_links_without_their_addresses(make_user: MakeUser, link: LookLink, role: Role) -> None:
    shown = page(office(make_user, role), link)

    assert link.short_id in shown
    assert link.token not in shown


def test_operator_revokes_a_link(make_user: MakeUser, link: LookLink) -> None:
    client = office(make_user, Role.OPERATOR)
    url = f"/admin/looks/look/{link.look_id}/links/{link.pk}/revoke/"
    assert f'formaction="{url}"' in page(client, link)

    status = revoke(client, link)

    assert (status, links.find(link.token)) == (302, None)
    assert f'formaction="{url}"' not in page(client, link)


def test_support_revokes_nothing(make_user: MakeUser, link: LookLink) -> None:
    assert revoke(office(make_user, Role.SUPPORT), link) == 403
    assert links.find(link.token) == link


def test_address_revokes_by_post_only(make_user: MakeUser, link: LookLink) -> None:
    client = office(make_user, Role.ADMIN)

    assert client.get(f"/admin/looks/look/{link.look_id}/links/{link.pk}/revoke/").status_code == 403
    assert links.find(link.token) == link


def test_state_of_each_link_is_shown(make_user: MakeUser, link: LookLink) -> None:
    for changes in ({"expires_at": timezone.now()}, {"revoked_at": timezone.now()}):
        other = links.create(look_id=link.look_id, user=link.created_by)
        LookLink.objects.filter(pk=other.pk).update(**changes)

    shown = page(office(make_user, Role.ADMIN), link)

    assert [state in shown for state in ("active", "expired", "revoked")] == [True] * 3
