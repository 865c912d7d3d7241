"""Isolation, generated from the URLconf: every address × who × method is compared with the one permission table.

An address that the table does not list fails here. Lists are searched for what only the other workspace may see.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from accounts.models import Member, WorkspaceModel
from accounts.operations.tokens import issue, revoke_token
from accounts.roles import ROLES, SCOPES, role_permissions, token_permissions
from accounts.table import PUBLIC, SIGNED_IN, needed_for, rule_for
from orchestrator_site.permissions import TABLE
from tests.addresses import METHODS, Address, everything, in_table, trees
from tests.factories.accounts import UserFactory
from tests.factories.world import World, plant
from tests.personas import ApiClient, persona

pytestmark = pytest.mark.django_db
PARTS = 6  # the work is cut so that several processes share it
SAME = {"X-Request-ID": "the-same-for-both"}
SAFE = ("GET", "HEAD", "OPTIONS")


@pytest.fixture(autouse=True)
def _connection_stays_open(monkeypatch):
    """Pages that stream hand their connection back while they wait; here one transaction holds everything."""
    close = BaseDatabaseWrapper.close
    monkeypatch.setattr(BaseDatabaseWrapper, "close", lambda self: None if self.in_atomic_block else close(self))


class RolledBack(Exception):
    pass


@contextmanager
def undone() -> Iterator[None]:
    """Nothing that happens inside stays."""
    try:
        with transaction.atomic():
            yield
            raise RolledBack
    except RolledBack:
        pass


def ask(client: Client, method: str, path: str) -> Any:
    """One request with an empty body, undone afterwards."""
    body = {"data": b"{}", "content_type": "application/json"} if method in ("POST", "PUT", "PATCH") else {}
    with undone():
        answer = client.generic(method, path, headers=SAME, **body)
        answer.close() if answer.streaming else answer.content
        return answer


SOME = ("anonymous", "outsider", "viewer", "owner", "token of owner", "token for read", "expired token")


def is_asked(address: Address, caller: Caller, method: str) -> bool:
    """All callers try what the table lists; some also try the methods it does not (405, whoever asks)."""
    if address.name.startswith("seed:") and caller.name.startswith("session"):
        return False  # the original's routes take tokens only
    return needed_for(address.rule, method) is not None or caller.name in SOME


def part(addresses: list[Address], number: int) -> list[Address]:
    return addresses[number::PARTS]


# ---- The table and the URLconf ---------------------------------------------------------------------------------------


def test_every_address_is_in_the_table():
    missing = sorted({address.name for address in everything() if address.name and not address.listed})
    assert missing == [], "add these names to orchestrator_site/permissions.py"


def test_an_address_without_a_name_is_denied(owner):
    assert rule_for("") is None
    assert owner.client.get("/accounts/social/signup/").status_code == 404


def test_every_line_of_the_table_is_an_address():
    known = {address.name for address in everything()}
    only_developing = {"elements"}
    assert sorted(set(TABLE) - known - only_developing) == []


def test_every_argument_is_known_to_the_world():
    world = plant("canary_args")
    for address in in_table():
        assert address.path(world)


def test_the_table_speaks_of_known_permissions_and_methods():
    known = role_permissions("owner") | {PUBLIC, SIGNED_IN}
    for name, methods in TABLE.items():
        assert set(methods) <= {"GET", "POST", "PUT", "PATCH", "DELETE"}, name
        assert set(methods.values()) <= known, name


# ---- Who asks --------------------------------------------------------------------------------------------------------


@dataclass
class Caller:
    """Somebody with a client, and what they may do in the world."""

    name: str
    client: Client
    permissions: frozenset[str]
    signed_in: bool = True
    member: bool = True


def browsers(world: World) -> list[Caller]:
    found = [Caller("anonymous", Client(raise_request_exception=False), frozenset(), signed_in=False, member=False)]
    for role in ROLES:
        someone = persona(world.workspace, role)
        found.append(Caller(role, _raw(someone.user), role_permissions(role)))
    found.append(Caller("outsider", _raw(plant("canary_outsider").owner.user), frozenset(), member=False))
    found.append(Caller("staff", _raw(UserFactory(is_staff=True)), frozenset(), member=False))
    removed = persona(world.workspace, "owner")
    client = _raw(removed.user)
    Member.objects.of(world.workspace).filter(user=removed.user).delete()
    return [*found, Caller("removed", client, frozenset(), member=False)]


def _raw(user: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def programs(world: World) -> list[Caller]:
    found = [Caller("anonymous", Client(raise_request_exception=False), frozenset(), signed_in=False, member=False)]
    for role in ROLES:
        token = persona(world.workspace, role).make_token(*SCOPES)
        found.append(Caller(f"token of {role}", ApiClient(token), token_permissions(role, SCOPES)))
    for scope in SCOPES:
        token = world.owner.make_token(scope)
        found.append(Caller(f"token for {scope}", ApiClient(token), token_permissions("owner", [scope])))
    session = Caller("session of owner", _raw(world.owner.user), role_permissions("owner"))
    return [*found, session, *_dead_tokens(world)]


def _dead_tokens(world: World) -> list[Caller]:
    owner = world.owner
    expired = issue(owner.user, world.workspace, name="old", scopes=list(SCOPES), life=timedelta(seconds=-1))[1]
    revoked, text = issue(owner.user, world.workspace, name="gone", scopes=list(SCOPES), life=timedelta(days=1))
    revoke_token(owner.actor, revoked.pk)
    left = persona(world.workspace, "owner")
    of_left = left.make_token(*SCOPES)
    Member.objects.of(world.workspace).filter(user=left.user).delete()
    dead = {"expired token": expired, "revoked token": text, "token of removed": of_left, "wrong token": "awo_x_y"}
    return [Caller(name, ApiClient(token), frozenset(), signed_in=False, member=False) for name, token in dead.items()]


# ---- What the table promises -----------------------------------------------------------------------------------------


def wrong_for_page(address: Address, caller: Caller, method: str, status: int) -> str | None:
    """What is wrong with the answer to a browser; None when it is as the table says."""
    needed = needed_for(address.rule, method)
    if needed is None:
        return None if status == 405 else "expected 405"
    if needed == PUBLIC and address.name == "readyz" and status == 503:
        return None  # no worker runs in this test, and it says so
    if needed == PUBLIC:
        return "a public page must answer" if status in (401, 403, 405) or status >= 500 else None
    if not caller.signed_in:
        expected = 302 if method in SAFE else 403
        return None if status == expected else f"expected {expected}"
    if needed == SIGNED_IN:
        return "the signed-in must be let in" if status in (401, 403, 405) or status >= 500 else None
    if not caller.member:
        return None if status == 404 else "expected 404 for who is no member"
    if needed not in caller.permissions:
        return None if status == 403 else "expected 403"
    return wrong_for_allowed(method, status)


def wrong_for_allowed(method: str, status: int) -> str | None:
    refused = {401, 403, 405} | ({404} if method in SAFE else set())
    return "must be let in" if status in refused or status >= 500 else None


def wrong_for_program(address: Address, caller: Caller, method: str, status: int) -> str | None:
    """The same for a program."""
    needed = needed_for(address.rule, method)
    dead = caller.name in ("expired token", "revoked token", "token of removed", "wrong token")
    if needed is None:
        return None if status in ((401, 405) if dead else (405,)) else "expected 405"
    if needed == PUBLIC:
        allowed = status < 500 and status not in (403, 405) and (dead or status != 401)
        return None if allowed else "a public address must answer"
    if not caller.signed_in:
        return None if status == 401 else "expected 401"
    if needed not in caller.permissions:
        return None if status == 403 else "expected 403"
    return wrong_for_allowed(method, status)


@pytest.mark.parametrize("number", range(PARTS))
def test_browsers_get_what_the_table_says(number):
    world = plant("canary_home")
    callers, failures = browsers(world), []
    for address in part([a for a in in_table() if not a.is_api], number):
        path = address.path(world)
        for caller, method in itertools.product(callers, METHODS):
            if not is_asked(address, caller, method):
                continue
            status = ask(caller.client, method, path).status_code
            why = wrong_for_page(address, caller, method, status)
            failures += [f"{method} {address.name} as {caller.name}: {status}, {why}"] if why else []
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("number", range(PARTS))
def test_programs_get_what_the_table_says(number):
    world = plant("canary_home")
    callers, failures = programs(world), []
    for address in part([a for a in in_table() if a.is_api], number):
        path = address.path(world)
        for caller, method in itertools.product(callers, METHODS):
            if not is_asked(address, caller, method):
                continue
            status = ask(caller.client, method, path).status_code
            why = wrong_for_program(address, caller, method, status)
            failures += [f"{method} {address.name} as {caller.name}: {status}, {why}"] if why else []
    assert not failures, "\n".join(failures)


# ---- Foreign and never existed look the same, and nothing of the other workspace shows ------------------------------


def contents(world: World) -> str:
    """Everything the workspace holds, as text."""
    models = [model for model in apps.get_models() if issubclass(model, WorkspaceModel)]
    rows = {m.__name__: list(m._default_manager.of(world.workspace).order_by("pk").values()) for m in models}
    return json.dumps(rows, default=str, sort_keys=True)


def look(client: Client, method: str, path: str) -> tuple[int, bytes]:
    answer = ask(client, method, path)
    body = b"".join(itertools.islice(answer.streaming_content, 3)) if answer.streaming else answer.content
    return answer.status_code, body


def unlike(client: Client, method: str, foreign: str, never: str, words: list[bytes]) -> bool:
    """Whether the answers differ; words of the address that an answer repeats do not count."""
    there, nowhere = look(client, method, foreign), look(client, method, never)
    bodies = [there[1], nowhere[1]]
    for word in words:
        bodies = [body.replace(word, b"WORD") for body in bodies]
    return there[0] != nowhere[0] or bodies[0] != bodies[1] or there[0] < 400


@pytest.mark.parametrize("number", range(PARTS))
def test_foreign_and_never_existed_are_the_same_bytes(number):
    home, elsewhere = plant("canary_secret"), plant("canary_outsider")
    before, browser, api, failures = contents(home), _raw(elsewhere.owner.user), elsewhere.owner.api, []
    for address in part(in_table(), number):
        for method in address.rule:
            if address.rule[method] in (PUBLIC, SIGNED_IN):
                continue
            for client, foreign, never in pairs(address, home, elsewhere, browser, api):
                if unlike(client, method, foreign, never, address.words(home)):
                    failures.append(f"{method} {address.name}: {foreign} differs from {never}")
    assert not failures, "\n".join(failures)
    assert contents(home) == before


def pairs(
    address: Address, home: World, elsewhere: World, browser: Client, api: Client
) -> Iterator[tuple[Client, str, str]]:
    """(client, the address of something foreign, the same of what never was)."""
    if not address.is_api:
        yield browser, address.path(home), address.nowhere(home)
        inside = address.foreign_object(home, elsewhere.workspace.slug)
        if inside:
            yield browser, *inside
    elif address.path(home) != address.nowhere(home):
        yield api, address.path(home), address.nowhere(home)


@pytest.mark.parametrize("number", range(PARTS))
def test_nothing_of_the_other_workspace_shows(number):
    home, elsewhere = plant("canary_secret"), plant("canary_outsider")
    persona(home.workspace, "viewer", f"Common {home.canary}")
    browser, api, failures = _raw(elsewhere.owner.user), elsewhere.owner.api, []
    for address in part([a for a in in_table() if "GET" in a.rule], number):
        client = api if address.is_api else browser
        for query in ("", "?q=canary", "?search=canary&limit=200", "?url=https://example.com/canary_secret"):
            status, body = look(client, "GET", address.path(elsewhere) + query)
            shown = body.replace(b"https://example.com/canary_secret", b"").replace(b"example.com%2Fcanary_secret", b"")
            if b"canary_secret" in shown or str(home.workspace.pk).encode() in shown:
                failures.append(f"GET {address.name}{query} ({status}) shows what belongs to another workspace")
    assert not failures, "\n".join(failures)


# ---- Forgery, and the trees with their own checks --------------------------------------------------------------------


def test_without_a_csrf_token_no_page_and_no_session_changes_anything():
    world = plant("canary_home")
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    strict.force_login(world.owner.user, backend="django.contrib.auth.backends.ModelBackend")
    before, failures = contents(world), []
    for address in in_table():
        for method in set(address.rule) - {"GET"}:
            if address.name.startswith(("seed:", "hooks:")):  # tokens only; deliveries are signed by their sender
                continue
            status = ask(strict, method, address.path(world)).status_code
            failures += [f"{method} {address.name}: {status}"] if status != 403 else []
    assert not failures, "\n".join(failures)
    assert contents(world) == before


def test_the_admin_is_for_superusers_and_the_account_for_the_signed_in():
    world = plant("canary_home")
    callers = {caller.name: caller.client for caller in browsers(world)}
    for address in trees():
        if address.arguments:
            continue
        path = address.path(world)
        if address.name.startswith("admin:"):
            assert ask(callers["anonymous"], "GET", path).status_code == 302, path
            for name in ("owner", "outsider", "removed"):
                assert ask(callers[name], "GET", path).status_code == 404, path
            assert ask(callers["staff"], "GET", path).status_code in (302, 404), path
        else:
            assert ask(callers["anonymous"], "GET", path).status_code in (200, 302, 401, 404, 405), path
            assert ask(callers["owner"], "GET", path).status_code in (200, 302, 400, 401, 404, 405), path
