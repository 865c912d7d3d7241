"""Health over days: a look a day, what ends and when, one mail before it does, and a key that is replaced safely."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from integrations.context import ConnectionReport, mark_of
from integrations.errors import SignInAgain, Unavailable
from integrations.github.report import report, token_end
from integrations.models import Connection, ConnectionCheck
from integrations.operations import connections as operations
from integrations.operations.checking import BROKEN, WORKS, Seen, failed, history, keep
from integrations.operations.forecast import letters_due, unsent
from orchestrator_site.lib.clock import freeze, now
from orchestrator_site.lib.errors import UserError
from tests.integrations.framework.test_connections import make
from workflows.engine import checkups
from workflows.engine.checkups import Checkups
from workflows.engine.times import Times

pytestmark = pytest.mark.django_db
FINE = Seen(ConnectionReport(ok=True, summary="Fine."), WORKS)
REFUSED = failed(SignInAgain("Not taken.", status=401))
DAY = timedelta(days=1)


def see(connection, seen) -> Connection:
    return keep(connection, mark_of(connection.secret, connection.base_url), seen)


def due(connection) -> None:
    Connection.objects.of(connection.workspace).filter(pk=connection.pk).update(next_check_at=now())


class OneThread:
    async def run(self, function, *args):
        return function(*args)


def test_a_new_connection_is_looked_at_a_day_later_by_one_worker(admin):
    made, other = make(admin), make(admin, service="notion", name="box", secret={}, sandbox=True)
    workers = [Checkups(OneThread(), None, Times()) for _ in range(2)]
    assert workers[0].claim() == [] and timedelta(hours=23) < made.next_check_at - now() <= DAY
    due(made), due(other)
    assert [worker.claim() for worker in workers] == [[(made.pk, made.workspace_id)], []], "the sandbox needs no look"


def test_a_refused_key_is_looked_at_sooner_and_less_and_less_often(admin):
    made, apart = make(admin), []
    for _ in range(6):
        row = see(made, REFUSED)
        apart.append(round((row.next_check_at - now()).total_seconds() / 60))
    assert apart == [10, 20, 40, 60, 60, 60] and row.status == BROKEN and row.broken_at
    away = see(made, failed(Unavailable("Away.")))
    assert away.broken_at == row.broken_at and away.status_text == "Away."
    healed = see(made, FINE)
    assert (healed.status, healed.broken_at, healed.vain_checks) == (WORKS, None, 0)
    assert timedelta(hours=22) < healed.next_check_at - now() < timedelta(hours=26)


def test_one_check_a_day_is_kept_and_a_bad_moment_is_not_forgotten(admin):
    made = make(admin)
    with freeze(datetime(2026, 3, 1, 8, tzinfo=UTC)) as clock:
        for seen in (FINE, REFUSED, FINE):
            see(made, seen)
        clock.tick(DAY.total_seconds())
        see(made, FINE)
        days = history([made])[made.pk]
    assert len(days) == 20 and [day["state"] for day in days[:18]] == ["none"] * 18
    assert [(day["state"], day["failed"]) for day in days[18:]] == [(WORKS, True), (WORKS, False)]
    assert ConnectionCheck.objects.of(made.workspace).count() == 2


def test_what_is_learned_of_a_replaced_key_is_not_kept(admin):
    made = make(admin)
    mark = mark_of(made.secret, made.base_url)
    operations.update_connection(admin.actor, made, secret={"api_key": "sk-another-key-of-some-length"})
    assert keep(made, mark, REFUSED).status == "unknown"


def test_github_says_when_a_token_ends(admin):
    head = {"GitHub-Authentication-Token-Expiration": "2026-12-14 09:12:00 UTC"}
    assert token_end(head) == datetime(2026, 12, 14, 9, 12, tzinfo=UTC)
    assert token_end({"github-authentication-token-expiration": "2026-12-14 09:12:00 -0500"}).hour == 9
    assert token_end({}) is None
    told = report("ada", [], [{"permissions": {"push": True}}], 1, classic=False, end=token_end(head))
    made = see(make(admin), Seen(told, WORKS))
    assert made.expires_at == token_end(head) and "GitHub" in made.expires_text
    lasting = report("ada", [], [{"permissions": {"push": True}}], 1, classic=False)
    assert see(made, Seen(lasting, WORKS)).expires_at is None


def test_the_admins_are_written_to_once_before_it_ends(admin, editor, settings):
    settings.EMAIL_URL = "smtp://mail.example:25"
    made = make(admin, name="mailbox", expires=(now() + timedelta(days=7), "Seven days in test mode."))
    assert letters_due() == []
    with freeze(now() + timedelta(days=5)) as clock:
        (letter,) = letters_due()
        assert letter.to == (admin.user.email,) and "mailbox" in letter.subject and "Seven days" in letter.text
        assert f"/connections/{made.pk}/" in letter.text
        assert letters_due() == [], "once"
        unsent(letter)
        assert len(letters_due()) == 1, "a mail that could not be sent is due again"
        clock.tick(3600)
        see(made, REFUSED)
        assert letters_due() == [], "two things in one day are one mail"
        clock.tick(20 * 3600)
        assert "has to be repaired" in letters_due()[0].subject
        clock.tick(30 * DAY.total_seconds())
        assert letters_due() == []


def test_without_a_mail_server_nobody_is_written_to(admin):
    make(admin, expires=(now() + DAY, ""))
    assert letters_due() == []


def test_the_letter_is_sent_and_one_that_cannot_be_is_due_again(admin, settings, monkeypatch):
    settings.EMAIL_URL = "smtp://mail.example:25"
    made = see(make(admin), REFUSED)
    (letter,) = letters_due()
    worker, undone = Checkups(OneThread(), None, Times()), []
    monkeypatch.setattr(checkups, "unsent", undone.append)
    asyncio.run(worker._send(letter))
    assert [sent.to for sent in mail.outbox] == [[admin.user.email]] and made.name in mail.outbox[0].subject
    settings.EMAIL_BACKEND = "django.core.mail.backends.nowhere"
    asyncio.run(worker._send(letter))
    assert undone == [letter]


def test_a_new_key_is_tried_before_it_takes_the_place_of_the_old_one(admin, contract):
    made = make(admin, base_url=contract.openai_url)
    before = made.secret

    def replace(key, **more):
        operations.update_connection(admin.actor, made, secret={"api_key": key}, verify=True, **more)

    with pytest.raises(UserError) as caught:
        replace("sk-expired")
    assert caught.value.code == "E_CRED_REFUSED" and "stays as it is" in caught.value.hint
    contract.fail("server_error", "listModels")
    with pytest.raises(UserError) as caught:
        replace("sk-another-key-of-some-length")
    assert caught.value.code == "E_CRED_UNTRIED"
    made.refresh_from_db()
    assert made.secret == before
    replace("sk-another-key-of-some-length")
    made.refresh_from_db()
    assert made.secret != before and made.masked == {"api_key": "••••ngth"}


def test_the_pages_say_what_breaks_next_and_what_to_do(admin, viewer, client):
    made = make(admin, service="gmail", name="mailbox", secret={"access_token": "ya29.abcdefgh"})
    see(made, REFUSED)
    ends = make(admin, name="soon", expires=(now() + timedelta(days=2, hours=2), "The key says so."))
    client.force_login(admin.user)
    page = client.get(f"/w/{admin.workspace.slug}/connections/").content.decode()
    assert "does not accept “mailbox” any more" in page and page.index("mailbox") < page.index("soon")
    assert "Key ends in 2 days" in page and "Sign-in ended" in page and "Replace the key" in page
    assert client.get(f"/w/{admin.workspace.slug}/connections/{ends.pk}/").status_code == 200
    client.force_login(viewer.user)
    seen = client.get(f"/w/{admin.workspace.slug}/connections/").content.decode()
    assert "Replace the key" not in seen and "mailbox" in seen
