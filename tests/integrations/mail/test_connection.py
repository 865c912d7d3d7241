"""Mail connections: where a server may be, encryption and sign-in, the test button, and the sandbox's outbox."""

from __future__ import annotations

import socket

import pytest

from integrations.errors import Rejected
from integrations.mail.interface import clean_place
from integrations.models import SandboxObject
from integrations.operations import connections
from orchestrator_site.lib.errors import UserError
from tests.fakes.post import mail_server
from tests.integrations.gate import attempt, info_of, run_action
from tests.lib.test_outbound_tls import NAME, certificate

MAIL = {"to": ["bob@example.org"], "subject": "Hi", "text": "Hi"}


@pytest.mark.parametrize(
    "text, kept",
    [
        ("smtp.example.com", "smtp://smtp.example.com:587"),
        ("smtp.example.com:465", "smtps://smtp.example.com:465"),
        ("SMTPS://Smtp.Example.com", "smtps://smtp.example.com:465"),
        ("smtp://smtp.example.com:2525/", "smtp://smtp.example.com:2525"),
    ],
)
def test_the_address_of_a_server_is_kept_in_one_form(text, kept):
    assert clean_place(text) == kept == clean_place(kept)


@pytest.mark.parametrize(
    "text",
    [
        "https://smtp.example.com", "smtp.example.com:80", "smtp.example.com:22", "localhost", "10.0.0.1",
        "127.0.0.1:25", "2130706433:587", "[::1]:587", "169.254.169.254:25", "a b", "smtp.example.com:587\r\nX",
        "user@smtp.example.com",
    ],
)  # fmt: skip
def test_a_place_that_may_not_be_called_is_refused(text, settings):
    settings.ALLOW_PRIVATE_HOSTS = []
    with pytest.raises(UserError) as wrong:
        clean_place(text)
    assert wrong.value.code in ("E_URL", "E_URL_BLOCKED") and wrong.value.field == "base_url"


def test_a_name_that_leads_into_a_private_network_is_not_called(settings, monkeypatch):
    settings.ALLOW_PRIVATE_HOSTS = []
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 587))]
    )
    info = info_of("mail", base_url="smtp://smtp.example.com:587", sender="ada@example.com")
    error = attempt("mail.send", MAIL, info).error
    assert isinstance(error, Rejected) and error.code == "E_URL_BLOCKED" and error.refused


@pytest.fixture
def secure(tmp_path, settings, monkeypatch):
    """A server with a certificate, STARTTLS and sign-in, under a name of its own."""
    pair = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", pair[0])
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *a, **kw: real("127.0.0.1", port, *a, **kw))
    with mail_server(pair) as (keeper, port):
        settings.ALLOW_PRIVATE_HOSTS = [f"{NAME}:{port}", f"other.example:{port}"]
        yield keeper, port


def over(port, host=NAME, **secret):
    return info_of("mail", base_url=f"smtp://{host}:{port}", sender="ada@example.com", **secret)


def test_the_line_is_encrypted_and_the_password_is_sent_inside(secure):
    keeper, port = secure
    run_action("mail.send", MAIL, over(port, username="ada", password="right"))
    assert len(keeper.taken) == 1


@pytest.mark.parametrize(
    "more, code",
    [
        ({"username": "ada", "password": "wrong"}, "E_SIGN_IN"),
        ({"username": "ada"}, "E_REQUIRED"),
        ({}, "E_SIGN_IN"),
        ({"host": "other.example", "username": "ada", "password": "right"}, "E_TLS"),
    ],
)
def test_who_is_not_let_in_is_told_why(secure, more, code):
    keeper, port = secure
    error = attempt("mail.send", MAIL, over(port, **more)).error
    assert (error.code, error.refused, keeper.taken) == (code, True, [])
    assert error.hint


def test_a_server_without_encryption_is_refused_unless_it_is_in_the_house(settings, monkeypatch):
    from integrations.mail import client

    with mail_server() as (_, port):
        settings.ALLOW_PRIVATE_HOSTS = [f"127.0.0.1:{port}"]
        info = info_of("mail", base_url=f"smtp://127.0.0.1:{port}", sender="ada@example.com")
        run_action("mail.send", MAIL, info)
        monkeypatch.setattr(client, "is_trusted", lambda host, port: False)
        error = attempt("mail.send", MAIL, info).error
    assert (error.code, error.refused) == ("E_NO_TLS", True)


@pytest.mark.django_db
def test_the_test_button_says_which_address_may_send(owner, post):
    keeper, info = post
    given = {
        "service": "mail",
        "name": "post",
        "base_url": info.base_url,
        "secret": {"sender": "Ada <ada@example.com>"},
    }
    connection = connections.create_connection(owner.actor, **given)
    assert connection.masked == {"sender": "Ada <ada@example.com>"}
    told = connections.test_connection(owner.actor, connection)
    assert told == {
        "ok": True,
        "summary": "127.0.0.1 lets us in.",
        "can": ["send mail as ada@example.com"],
        "missing": [],
    }
    keeper.refuse = {"MAIL": "550 not your address"}
    assert connections.test_connection(owner.actor, connection)["ok"] is False
    assert keeper.taken == []


@pytest.mark.django_db
def test_a_new_server_needs_the_password_again(owner):
    given = {"service": "mail", "name": "post", "base_url": "smtp.example.com", "secret": {"sender": "ada@example.com"}}
    connection = connections.create_connection(owner.actor, **given)
    with pytest.raises(UserError) as wrong:
        connections.update_connection(owner.actor, connection, base_url="smtp.evil.example")
    assert wrong.value.code == "E_REQUIRED"


@pytest.mark.django_db
def test_the_sandbox_has_an_outbox_that_people_can_see(owner):
    connections.seed_sandbox(owner.workspace)
    place = connections.open_connection(connections.find_connection(owner.workspace, "mail"))
    output = run_action("mail.send", {**MAIL, "html": "<script>alert(1)</script>"}, place).output
    assert SandboxObject.objects.of(owner.workspace).get(service="mail").data["message_id"] == output["message_id"]
    page = owner.client.get(f"/w/{owner.workspace.slug}/sandbox/mail/").content.decode()
    assert "Outbox" in page and "bob@example.org" in page and "<script>alert" not in page
    error = attempt("mail.send", {**MAIL, "to": ["bob@refused.example"]}, place).error
    assert error.code == "E_MAIL_REFUSED"
