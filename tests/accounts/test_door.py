"""The door: first user, password, one-time links, closed sign-up, where `next` may lead, sessions."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.test import Client

from accounts.models import AuditEntry, LoginLink, Member, User, Workspace
from accounts.operations.login_links import make_login_link, use_login_link
from accounts.operations.sessions import end_sessions
from accounts.operations.setup import create_first_user, create_workspace
from accounts.views.door import start_address
from orchestrator_site.lib.clock import freeze, now
from orchestrator_site.lib.errors import Conflict, NotFound
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


def signed_in(browser):
    return "_auth_user_id" in browser.session


def sign_in(email, password=PASSWORD, **extra):
    browser = Client()
    answer = browser.post(LOGIN, {"login": email, "password": password, **extra})
    return browser, answer


# ---- The first user, and nobody else -----------------------------------------------------------------------


def test_the_first_person_becomes_owner():
    browser = Client()
    assert start_address(AnonymousUser()) == "/welcome/"
    assert browser.get("/welcome/").status_code == 200
    data = {"email": "Ada@Example.com", "name": "Ada", "password": PASSWORD, "workspace": "My Team"}
    assert browser.post("/welcome/", data).status_code == 302
    user = User.objects.get()
    assert user.email == "ada@example.com" and user.is_superuser and signed_in(browser)
    assert Member.objects.of(Workspace.objects.get(slug="my_team")).get().role == "owner"


def test_there_is_only_one_first_user(owner):
    assert Client().get("/welcome/").status_code == 404
    with pytest.raises(Conflict):
        create_first_user("second@example.com", PASSWORD)


def test_a_bad_first_user_is_refused_and_nothing_is_written():
    answer = Client().post("/welcome/", {"email": "nobody", "name": "", "password": "x", "workspace": ""})
    assert answer.status_code == 400
    assert not User.objects.exists() and not Workspace.objects.exists()


def test_sign_up_is_closed(owner):
    data = {"email": "evil@example.com", "password1": PASSWORD, "password2": PASSWORD}
    assert b"By invitation" in Client().get("/accounts/signup/").content
    Client().post("/accounts/signup/", data)
    assert not User.objects.filter(email="evil@example.com").exists()


# ---- Password ----------------------------------------------------------------------------------------------


def test_a_person_signs_in_with_e_mail_and_password():
    user = UserFactory()
    browser, answer = sign_in(user.email.upper())
    assert answer.status_code == 302 and signed_in(browser)


def test_unknown_and_wrong_get_the_same_answer():
    user = UserFactory()
    pages = [sign_in(email, "wrong wrong wrong")[1] for email in (user.email, "unknown@example.com")]
    texts = [re.sub(r'value="[^"]*"|nonce="[^"]*"|content="[^"]*"', "", page.content.decode()) for page in pages]
    assert pages[0].status_code == pages[1].status_code == 200
    assert texts[0] == texts[1]


def test_a_deactivated_user_stays_outside():
    user = UserFactory(is_active=False)
    browser, _ = sign_in(user.email)
    assert not signed_in(browser)


def test_guessing_is_stopped_by_key(settings):
    user = UserFactory()
    for _ in range(6):
        sign_in(user.email, "wrong wrong wrong")
    browser, answer = sign_in(user.email)
    assert not signed_in(browser)
    assert b"Too many" in answer.content


def test_guessing_is_counted_in_the_cache_that_all_processes_share(settings):
    from django.core.cache import caches
    from django.core.management import call_command

    from orchestrator_site import settings as real

    assert real.CACHES["default"] == real.CACHES["shared"] and "locmem" not in real.CACHES["default"]["BACKEND"]
    settings.CACHES = {**settings.CACHES, "default": real.CACHES["default"], "shared": real.CACHES["shared"]}
    call_command("createcachetable")
    user = UserFactory()
    for _ in range(6):
        del caches["default"]
        sign_in(user.email, "wrong wrong wrong")
    browser, answer = sign_in(user.email)
    assert not signed_in(browser) and b"Too many" in answer.content


def test_the_session_is_a_new_one_after_sign_in():
    user = UserFactory()
    browser = Client()
    browser.get(LOGIN)
    browser.session.save()
    before = browser.cookies.get("session")
    browser.post(LOGIN, {"login": user.email, "password": PASSWORD})
    assert before is None or browser.cookies["session"].value != before.value


EVIL = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http:evil.example",
    "//evil.example/%2f..",
    "/%09/evil.example",
    "\t//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "https://testserver.evil.example",
    "https://testserver@evil.example",
    "//testserver@evil.example",
    "http:///evil.example",
    "ftp://evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "https://evil.example\\@testserver",
]


@pytest.mark.parametrize("target", EVIL)
def test_next_leads_nowhere_else(target):
    user = UserFactory()
    _, answer = sign_in(user.email, next=target)
    where = answer["Location"]
    assert where.startswith("/") and not where.startswith(("//", "/\\")) and "\t" not in where and "\n" not in where
    link = make_login_link(user)
    where = Client().post(link, {"next": target})["Location"]
    assert where.startswith("/") and not where.startswith(("//", "/\\")) and "\t" not in where and "\n" not in where


def test_next_leads_back_to_the_page_that_was_asked_for(viewer):
    asked = Client().get(viewer.path("members/?a=1"))
    assert asked["Location"].startswith(LOGIN + "?next=")
    _, answer = sign_in(viewer.user.email, next=viewer.path("members/?a=1"))
    assert answer["Location"] == viewer.path("members/?a=1")


def test_a_forgotten_password_is_reset_by_mail_once_and_strangers_get_none():
    user = UserFactory()
    for email in (user.email, "unknown@example.com"):
        assert (
            Client().post("/accounts/password/reset/", {"email": email})["Location"] == "/accounts/password/reset/done/"
        )
    (sent,) = mail.outbox
    link, fresh = re.search(r"https?://[^/]+(/\S+)", sent.body)[1], "another long password 7"
    browser = Client()
    form = browser.get(link)["Location"]
    assert browser.get(form).status_code == 200
    assert browser.post(form, {"password1": fresh, "password2": fresh}).status_code == 302
    assert signed_in(sign_in(user.email, fresh)[0])
    assert b"password1" not in Client().get(link, follow=True).content


def test_a_failed_sign_in_of_a_known_user_is_recorded_once_a_minute():
    user = UserFactory()
    for _ in range(3):
        sign_in(user.email, "wrong wrong wrong")
    entries = AuditEntry.objects.unscoped("test").filter(action="sign_in", outcome="denied")
    assert [entry.user for entry in entries] == [user]


# ---- One-time links ----------------------------------------------------------------------------------------


def test_opening_a_link_does_not_use_it_up():
    user = UserFactory()
    link = make_login_link(user)
    for _ in range(3):
        page = Client().get(link)
        assert page.status_code == 200 and user.email in page.content.decode()
    browser = Client()
    assert browser.post(link).status_code == 302 and signed_in(browser)


def test_a_link_works_once():
    link = make_login_link(UserFactory())
    Client().post(link)
    second = Client()
    assert second.post(link).status_code == 410 and not signed_in(second)


def test_a_link_lives_ten_minutes():
    with freeze(now()) as clock:
        link = make_login_link(UserFactory())
        clock.tick(601)
        browser = Client()
        assert browser.post(link).status_code == 410 and not signed_in(browser)


def test_only_the_hash_of_a_link_is_kept():
    link = make_login_link(UserFactory())
    assert link.split("/")[-2] not in str(LoginLink.objects.values().get())


def test_a_made_up_link_is_over():
    assert Client().get("/sign-in/link/pnonsense/").status_code == 410
    with pytest.raises(NotFound):
        use_login_link("")


def test_a_link_of_a_deactivated_user_is_over():
    user = UserFactory()
    link = make_login_link(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert Client().post(link).status_code == 410


def test_a_link_is_mailed_to_the_known_and_the_answer_is_the_same_for_all():
    user = UserFactory()
    answers = []
    for email in (user.email, "unknown@example.com"):
        page = Client().post("/sign-in/link/", {"email": email}).content.decode().replace(email, "X")
        answers.append(re.sub(r'value="[^"]*"|nonce="[^"]*"|content="[^"]*"', "", page))
    assert answers[0] == answers[1]
    (sent,) = mail.outbox
    assert sent.to == [user.email]
    browser = Client()
    browser.post(re.search(r"https?://[^/]+(/\S+)", sent.body)[1])
    assert signed_in(browser)


def test_a_mailed_link_proves_the_address_and_a_printed_one_does_not():
    user = UserFactory()
    EmailAddress.objects.filter(user=user).update(verified=False)
    Client().post(make_login_link(user))
    assert not EmailAddress.objects.get(user=user).verified
    Client().post(make_login_link(user, mailed=True))
    assert EmailAddress.objects.get(user=user).verified


def test_asking_for_links_is_limited():
    user = UserFactory()
    statuses = [Client().post("/sign-in/link/", {"email": user.email}).status_code for _ in range(5)]
    assert statuses[:3] == [200, 200, 200] and statuses[3:] == [429, 429]


# ---- Sessions ----------------------------------------------------------------------------------------------


def test_a_session_ends_after_a_day_without_use(viewer):
    with freeze(now()) as clock:
        browser = viewer.client
        clock.tick(24 * 3600 - 1)
        assert browser.get(viewer.path("members/")).status_code == 200
        clock.tick(24 * 3600 + 1)
        assert browser.get(viewer.path("members/")).status_code == 302


def test_a_session_ends_after_fourteen_days_in_any_case(viewer):
    with freeze(now()) as clock:
        browser = viewer.client
        for _ in range(27):
            clock.tick(timedelta(hours=12).total_seconds())
            assert browser.get(viewer.path("members/")).status_code == 200
        clock.tick(timedelta(hours=13).total_seconds())
        assert browser.get(viewer.path("members/")).status_code == 302


def test_signing_out_ends_the_session(viewer):
    browser, _ = sign_in(viewer.user.email)
    kept = browser.cookies["session"].value
    browser.post("/accounts/logout/")
    thief = Client()
    thief.cookies["session"] = kept
    assert thief.get(viewer.path("members/")).status_code == 302


def test_a_new_password_ends_other_sessions(viewer):
    here, _ = sign_in(viewer.user.email)
    there, _ = sign_in(viewer.user.email)
    fresh = "another long password 7"
    answer = here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": fresh, "password2": fresh})
    assert answer.status_code == 302
    assert here.get(viewer.path("members/")).status_code == 200
    assert there.get(viewer.path("members/")).status_code == 302


def test_sessions_are_listed_and_ended(viewer):
    first, _ = sign_in(viewer.user.email)
    second, _ = sign_in(viewer.user.email)
    second.get(viewer.path("members/"))
    first.get(viewer.path("members/"))
    assert UserSession.objects.filter(user=viewer.user).count() == 2
    assert first.get("/accounts/sessions/").status_code == 200
    assert end_sessions(viewer.user) == 2
    assert first.get(viewer.path("members/")).status_code == 302


def test_a_deactivated_user_is_out_at_once(viewer):
    browser = viewer.client
    User.objects.filter(pk=viewer.user.pk).update(is_active=False)
    assert browser.get(viewer.path("members/")).status_code == 302


# ---- Second factor and workspaces --------------------------------------------------------------------------


def test_a_second_factor_is_asked_for_after_password_and_after_link():
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    user = UserFactory()
    TOTP.activate(user, generate_totp_secret())
    browser, answer = sign_in(user.email)
    assert "2fa/authenticate" in answer["Location"] and not signed_in(browser)
    linked = Client()
    answer = linked.post(make_login_link(user))
    assert "2fa/authenticate" in answer["Location"] and not signed_in(linked)
    assert linked.get(answer["Location"]).status_code == 200


def test_a_person_makes_another_workspace(viewer):
    answer = viewer.client.post("/workspaces/new/", {"name": "Second Home"})
    assert "/w/second_home/" in answer["Location"]
    listed = viewer.client.get("/workspaces/").content.decode()
    assert "Second Home" in listed and viewer.workspace.name in listed


def test_equal_names_get_addresses_of_their_own(viewer):
    slugs = {create_workspace(viewer.user, "Team").slug for _ in range(3)}
    assert slugs == {"team", "team_2", "team_3"}


PAGES = [
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/3rdparty/",
    "/accounts/sessions/",
    "/accounts/reauthenticate/",
    "/accounts/logout/",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_account_opens(viewer, path):
    browser, _ = sign_in(viewer.user.email)
    page = browser.get(path)
    assert page.status_code == 200
    assert 'class="door"' in page.content.decode() and page.content.decode().count("<h1") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/inactive/",
        "/accounts/confirm-email/",
        "/sign-in/link/",
    ],
)
def test_every_page_before_the_door_opens(viewer, path):
    page = Client().get(path)
    assert page.status_code == 200 and 'class="door"' in page.content.decode()
