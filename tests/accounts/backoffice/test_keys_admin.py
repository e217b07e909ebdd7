"""The back office of API keys: support sees them, operators and admins revoke them."""

import pytest
from auditlog.models import LogEntry
from django.test import Client

from accounts import roles
from accounts.models import ApiKey, User
from accounts.roles import Role
from accounts.sign_in import api_keys
from tests.conftest import MakeUser

PAGES = "/admin/accounts/apikey"

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(make_user: MakeUser) -> ApiKey:
    make_user("boss@example.com", staff=True)
    created, _ = api_keys.create(user=make_user(), name="render farm", scopes=["looks:read"])
    return created


def browser_of(role: Role, make_user: MakeUser) -> tuple[Client, User]:
    user, browser = make_user(f"{role.value}@example.com"), Client()
    roles.assign(user=user, role=role)
    browser.force_login(user)
    return browser, user


@pytest.mark.parametrize(
    ("role", "may_see", "may_revoke"),
    [(Role.SUPPORT, True, False), (Role.OPERATOR, True, True), (Role.ADMIN, True, True), (Role.NONE, False, False)],
)
def test_role_decides_who_sees_and_revokes_keys(
    make_user: MakeUser, key: ApiKey, role: Role, may_see: bool, may_revoke: bool
) -> None:
    browser, user = browser_of(role, make_user)

    listed = browser.get(f"{PAGES}/")
    asked = browser.get(f"{PAGES}/{key.pk}/revoke/")
    browser.post(f"{PAGES}/{key.pk}/revoke/", {"confirmed": "yes"})

    key.refresh_from_db()
    assert (listed.status_code == 200, asked.status_code == 200, key.revoked_at is not None) == (
        may_see,
        may_revoke,
        may_revoke,
    )
    actions = [(entry.actor, entry.changes["action"][1]) for entry in LogEntry.objects.filter(object_pk=str(key.pk))]
    assert actions == ([(user, "Revoke")] if may_revoke else [])


def test_several_keys_are_revoked_from_the_list(make_user: MakeUser, key: ApiKey) -> None:
    other, _ = api_keys.create(user=make_user("bob@example.com"), name="x", scopes=["looks:read"])
    browser, _ = browser_of(Role.OPERATOR, make_user)

    form = {"action": "revoke_several", "_selected_action": [str(key.pk), str(other.pk)]}
    asked = browser.post(f"{PAGES}/", form)
    left = ApiKey.objects.filter(revoked_at=None).count()
    browser.post(f"{PAGES}/", form | {"confirmed": "yes"})

    page = asked.content.decode()
    assert (asked.status_code, left) == (200, 2)
    assert all(text in page for text in (str(key), str(other), str(key.pk), str(other.pk), "Yes: revoke"))
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_too_many_keys_at_once_are_refused(make_user: MakeUser, key: ApiKey) -> None:
    rows = [
        ApiKey(user=key.user, name="x", prefix="ais_1", digest=f"{n:064}", scopes=[], revoked_at=key.created_at)
        for n in range(100)
    ]
    ApiKey.objects.bulk_create(rows)
    browser, _ = browser_of(Role.OPERATOR, make_user)
    chosen = [str(row.pk) for row in (key, *rows)]

    page = browser.post(
        f"{PAGES}/", {"action": "revoke_several", "_selected_action": chosen, "confirmed": "yes"}, follow=True
    )

    key.refresh_from_db()
    assert ("Choose at most 100 rows at once." in page.content.decode(), key.revoked_at) == (True, None)


@pytest.mark.parametrize(("role", "may_revoke"), [(Role.OPERATOR, False), (Role.ADMIN, True)])
def test_only_an_admin_revokes_keys_of_an_admin(make_user: MakeUser, key: ApiKey, role: Role, may_revoke: bool) -> None:
    boss = User.objects.get(email="boss@example.com")
    one, several = (api_keys.create(user=boss, name="x", scopes=["looks:read"])[0] for _ in range(2))
    browser, _ = browser_of(role, make_user)
    form = {"action": "revoke_several", "_selected_action": [str(several.pk), str(key.pk)], "confirmed": "yes"}

    offered = "/revoke/" in browser.get(f"{PAGES}/{one.pk}/change/").content.decode()
    asked = browser.get(f"{PAGES}/{one.pk}/revoke/").status_code == 200
    browser.post(f"{PAGES}/{one.pk}/revoke/", {"confirmed": "yes"})
    browser.post(f"{PAGES}/", form)

    revoked = ApiKey.objects.exclude(revoked_at=None).count()
    assert (offered, asked, revoked) == (may_revoke, may_revoke, 3 if may_revoke else 0)


def test_pages_show_no_secret(make_user: MakeUser, key: ApiKey) -> None:
    browser, _ = browser_of(Role.SUPPORT, make_user)

    pages = [browser.get(f"{PAGES}/{path}").content.decode() for path in ("", f"{key.pk}/change/")]

    for page in pages:
        assert (key.prefix in page, "render farm" in page, "looks:read" in page) == (True, True, True)
        assert key.digest not in page
    posts = [browser.post(f"{PAGES}/{path}", {}).status_code for path in ("add/", f"{key.pk}/change/")]
    assert posts == [403, 403]


def test_key_is_found_by_its_beginning_and_by_its_user(make_user: MakeUser, key: ApiKey) -> None:
    _, text = api_keys.create(user=make_user("bob@example.com"), name="batch", scopes=["looks:read"])
    browser, _ = browser_of(Role.SUPPORT, make_user)

    def found(**query: str) -> list[str]:
        return sorted(one.name for one in browser.get(f"{PAGES}/", query).context["cl"].result_list)

    assert [found(q=words) for words in (key.prefix, text, "bob@", "ais_")] == [
        ["render farm"],
        ["batch"],
        ["batch"],
        [],
    ]
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=key.created_at)
    ApiKey.objects.filter(name="batch").update(expires_at=key.created_at)
    assert [found(state=state) for state in ("active", "revoked", "expired")] == [[], ["render farm"], ["batch"]]


def test_users_page_lists_the_keys(make_user: MakeUser, key: ApiKey) -> None:
    browser, _ = browser_of(Role.SUPPORT, make_user)

    page = browser.get(f"/admin/accounts/user/{key.user_id}/change/").content.decode()

    assert (key.prefix in page, f"{PAGES}/{key.pk}/change/" in page, f"{PAGES}/?q=ann%40example.com" in page) == (
        True,
        True,
        True,
    )
