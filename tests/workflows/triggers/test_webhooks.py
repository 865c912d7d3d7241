"""Webhooks: who is let in, once for each delivery, kept as it came, replayed; and what is refused in which words."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connections
from django.test import Client

from accounts.actor import Actor
from orchestrator_site.lib.clock import freeze, now
from tests.workflows.engine.conftest import engine, until  # noqa: F401
from tests.workflows.triggers.conftest import trigger_of
from workflows.engine import forgetting, inbound
from workflows.models import InboundEvent, Run, Trigger
from workflows.operations.trigger_secrets import address_of
from workflows.operations.triggers import change_trigger, delete_trigger, rotate_secret
from workflows.operations.workflows import set_enabled

pytestmark = pytest.mark.django_db
SECRET = "a-secret-of-the-sender"
WHO = {"who": "{{ trigger.body.name }}"}


def made(workflow, auth="hmac", **config) -> Trigger:
    said = {"inputs": WHO, "config": {"auth": auth, **config}, "secret": SECRET}
    return trigger_of(workflow, "webhook", **said)


def path(trigger: Trigger) -> str:
    return address_of(trigger).partition("/hooks/")[2].join(("/hooks/", ""))


def sign(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"


def deliver(trigger: Trigger, body=b'{"name": "Ada"}', content_type="application/json", sends=None, **headers):
    """One delivery, signed as the generic way has it unless told."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = {"X-Signature-256": sign(raw)} if sends is None else sends
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    return client.post(path(trigger), raw, content_type=content_type, headers={**said, **headers})


def events(trigger: Trigger):
    return InboundEvent.objects.of(trigger.workspace_id).filter(trigger=trigger).order_by("n")


def runs(trigger: Trigger):
    return Run.objects.of(trigger.workspace_id).filter(trigger_id=str(trigger.pk)).order_by("id")


def code(answer) -> str:
    assert (
        answer.headers["Content-Security-Policy"] == "sandbox" and answer.headers["X-Content-Type-Options"] == "nosniff"
    )
    return answer.json()["error"]["code"]


# ---- Let in ----------------------------------------------------------------------------------------------------------


def test_a_signed_delivery_starts_a_run_that_sees_it(greet):
    trigger = made(greet)
    answer = deliver(trigger, {"name": "Ada", "tags": ["x"]}, **{"X-Event": "born", "Authorization": "Bearer hidden"})
    assert answer.status_code == 202, answer.content
    run = runs(trigger).get()
    said = answer.json()
    assert (said["run"], said["status"]) == (str(run.pk), "run") and said["url"].endswith(f"/runs/{run.pk}")
    assert run.inputs == {"who": "Ada"} and run.frozen["tainted_inputs"] is True
    seen = run.frozen["trigger"]
    assert seen["id"] == said["id"] and seen["body"] == {"name": "Ada", "tags": ["x"]}
    assert seen["headers"]["x-event"] == "born" and "authorization" not in seen["headers"]
    assert bytes(events(trigger).get().body) == b'{"name": "Ada", "tags": ["x"]}'


def test_every_way_of_proving_where_it_comes_from(greet):
    raw, stamp = b'{"name": "Ada"}', str(int(now().timestamp()))
    dated = hmac.new(SECRET.encode(), f"{stamp}.".encode() + raw, "sha256").hexdigest()
    basic = base64.b64encode(f"webhook:{SECRET}".encode()).decode()
    good = {
        "hmac": {"X-Signature-256": sign(raw)},
        "hmac with a time": ("hmac", {"X-Signature-256": sign(raw), "X-Timestamp": stamp}),
        "hmac over the time": ("hmac", {"X-Signature-256": f"sha256={dated}", "X-Timestamp": stamp}),
        "github": {"X-Hub-Signature-256": sign(raw), "X-GitHub-Delivery": "1"},
        "notion": {"X-Notion-Signature": sign(raw)},
        "stripe": {"Stripe-Signature": f"t={stamp},v1=00,v1={dated}"},
        "bearer": {"Authorization": f"Bearer {SECRET}"},
        "basic": {"Authorization": f"Basic {basic}"},
        "none": {},
    }
    for case, sends in good.items():
        auth, sends = sends if isinstance(sends, tuple) else (case, sends)
        trigger = made(greet, auth)
        answer = deliver(trigger, raw, sends=sends)
        assert answer.status_code == 202 and runs(trigger).count() == 1, (case, answer.content)
        bad = {name: value[:-2] + ("00" if value[-2:] != "00" else "11") for name, value in sends.items()}
        for wrong in ({}, bad, dict.fromkeys(sends, "ü"), dict.fromkeys(sends, "")):
            if auth == "none":
                continue
            answer = deliver(trigger, b'{"name": "Eve"}', sends=wrong)
            assert (answer.status_code, code(answer)) in ((401, "E_SIGNATURE"), (401, "E_REPLAY")), (case, wrong)
        assert runs(trigger).count() == 1


def test_b131_an_old_delivery_is_no_delivery(greet):
    raw = b'{"name": "Ada"}'
    for minutes, status in ((-6, 401), (6, 401), (-4, 202)):
        at = str(int((now() + timedelta(minutes=minutes)).timestamp()))
        dated = hmac.new(SECRET.encode(), f"{at}.".encode() + raw, "sha256").hexdigest()
        for auth, sends in (
            ("stripe", {"Stripe-Signature": f"t={at},v1={dated}"}),
            ("hmac", {"X-Signature-256": sign(raw), "X-Timestamp": at}),
        ):
            answer = deliver(made(greet, auth), raw, sends=sends)
            assert answer.status_code == status
            assert status == 202 or code(answer) == "E_REPLAY"
    trigger = made(greet)
    assert code(deliver(trigger, raw, sends={"X-Signature-256": sign(raw), "X-Timestamp": "soon"})) == "E_REPLAY"


def test_real_deliveries_with_their_signatures(greet):
    """The payloads and the way of signing of the services themselves (the contract server's)."""
    folder = pytest.importorskip("contract_server.webhooks", reason="the contract server is absent")
    from tests.contract import FOLDER

    examples = json.loads((FOLDER / "specs" / "github-webhooks.json").read_text())
    for form in (False, True):
        trigger = made(greet, "github")
        change_trigger(Actor.system(greet.workspace, "t"), trigger, inputs={"who": "{{ trigger.body.sender.login }}"})
        for example in examples:
            headers, body = folder.github(example["event"], example["payload"], SECRET, form=form)
            kind = headers.pop("Content-Type")
            assert deliver(trigger, body, kind, sends=headers).status_code == 202
            again = deliver(trigger, body, kind, sends={**headers, "X-GitHub-Delivery": "another one, unsigned"})
            assert again.json()["status"] == "duplicate"
        assert [run.inputs["who"] for run in runs(trigger)] == ["Codertocat"] * len(examples)
        headers, body = folder.github("push", examples[0]["payload"], "another secret", form=form)
        assert deliver(trigger, body, headers.pop("Content-Type"), sends=headers).status_code == 401


def test_a_service_that_brings_its_own_secret(greet, editor):
    trigger = trigger_of(greet, "webhook", config={"auth": "notion"}, inputs={"who": "{{ trigger.body.entity.id }}"})
    assert deliver(trigger, sends={}).status_code == 401
    first = deliver(trigger, {"verification_token": "secret_abcdefgh"}, sends={})
    assert first.status_code == 202 and first.json()["status"] == "handshake" and not events(trigger).exists()
    assert deliver(trigger, {"verification_token": "secret_of_eve_00"}, sends={}).status_code == 401
    body = json.dumps({"id": "event-1", "entity": {"id": "page-1"}}).encode()
    for _ in range(2):
        sent = deliver(trigger, body, sends={"X-Notion-Signature": sign(body, "secret_abcdefgh")})
        assert sent.status_code == 202
    assert runs(trigger).get().inputs == {"who": "page-1"}


def test_a_secret_is_turned_over_with_an_overlap(greet, editor):
    trigger = made(greet)
    told = rotate_secret(editor.actor, trigger, keep_hours=1).secret
    for secret in (SECRET, told):
        raw = json.dumps({"name": secret[:3]}).encode()
        assert deliver(trigger, raw, sends={"X-Signature-256": sign(raw, secret)}).status_code == 202
    with freeze(now() + timedelta(hours=2)):
        raw = b'{"name": "late"}'
        assert deliver(trigger, raw, sends={"X-Signature-256": sign(raw)}).status_code == 401
        assert deliver(trigger, raw, sends={"X-Signature-256": sign(raw, told)}).status_code == 202


# ---- Once ------------------------------------------------------------------------------------------------------------


def test_f21_fifty_at_once_and_again_after_thirteen_days_are_one_run(real):
    trigger = made(real)
    answers = []

    def send() -> None:
        answers.append(deliver(trigger))
        connections["default"].close()

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [202] * 50
    assert len({answer.json()["run"] for answer in answers}) == 1 and runs(trigger).count() == 1
    with freeze(now() + timedelta(days=13)) as clock:
        forgetting.forget(clock.at)
        assert deliver(trigger).json()["status"] == "duplicate"
        clock.tick(2 * 86400)
        forgetting.forget(clock.at)
        assert deliver(trigger).json()["status"] == "run"
    assert runs(trigger).count() == 2


def test_what_tells_deliveries_apart(greet):
    def count(rule: str, first: tuple, second: tuple, auth="hmac") -> int:
        trigger = made(greet, auth, dedupe=rule)
        for body, headers in (first, second):
            raw = json.dumps(body).encode()
            sends = {"X-Signature-256": sign(raw)} if auth == "hmac" else {}
            assert deliver(trigger, raw, sends={**sends, **headers}).status_code == 202
        return runs(trigger).count()

    one, two = {"name": "a", "id": 1}, {"name": "b", "id": 1}
    assert count("auto", (one, {}), (two, {})) == 2
    assert count("auto", (one, {"X-Delivery-Id": "1"}), (one, {"X-Delivery-Id": "2"})) == 1
    assert count("auto", (one, {"X-Delivery-Id": "1"}), (one, {"X-Delivery-Id": "2"}), "none") == 2
    assert count("auto", (one, {}), (one, {}), "none") == 1
    assert count("path:id", (one, {}), (two, {})) == 1
    assert count("header:X-Id", (one, {"X-Id": "7"}), (two, {"X-Id": "7"})) == 1
    assert count("off", (one, {}), (one, {})) == 2


# ---- Refused ---------------------------------------------------------------------------------------------------------


def test_b125_b136_addresses_and_methods(greet, editor):
    trigger = made(greet)
    unknown = Client().post(
        "/hooks/nothing", b"{}", content_type="application/json", headers={"X-Request-ID": "same-same"}
    )
    change_trigger(editor.actor, trigger, enabled=False)
    off = deliver(trigger, b"{}", **{"X-Request-ID": "same-same"})
    assert (unknown.status_code, off.status_code) == (404, 404) and unknown.content == off.content
    change_trigger(editor.actor, trigger, enabled=True)
    for method in ("get", "put", "delete", "head", "patch"):
        assert getattr(Client(), method)(path(trigger)).status_code == 405
    where = path(trigger)
    delete_trigger(editor.actor, trigger)
    assert Client().post(where, b"{}", content_type="application/json").status_code == 404


def test_b133_to_b139_bodies(greet):
    trigger = made(greet)
    assert code(deliver(trigger, b'{"name": "x"', "application/json")) == "E_JSON"
    deep = b'{"name":' + b"[" * 70 + b"]" * 70 + b"}"
    assert code(deliver(trigger, deep)) == "E_JSON_DEPTH"
    kept = events(trigger).last()
    assert (kept.status, kept.error["code"], bytes(kept.body)) == ("rejected", "E_JSON_DEPTH", deep)
    assert code(deliver(trigger, b"x" * (5 * 1024 * 1024 + 1))) == "E_TOO_LARGE"
    assert deliver(trigger, b'{"name": "' + b"x" * (5 * 1024 * 1024 - 20) + b'"}').status_code == 202
    assert code(deliver(trigger, b"\x1f\x8b", sends={"Content-Encoding": "gzip"})) == "E_MEDIA_TYPE"
    assert deliver(trigger, b"--x--", "multipart/form-data; boundary=x").status_code == 415
    assert code(deliver(made(greet, "hmac", empty="refuse"), b"")) == "E_BODY"
    assert code(deliver(trigger, b"", sends={})) == "E_SIGNATURE"
    before = runs(trigger).count()
    unmapped = deliver(trigger, {"other": 1})
    assert (unmapped.status_code, code(unmapped)) == (422, "E_TPL_UNDEFINED") and runs(trigger).count() == before
    found = Trigger.objects.of(greet.workspace).get(pk=trigger.pk)
    assert found.error["code"] == "E_TPL_UNDEFINED" and found.failures >= 1 and found.refused["code"] == "E_SIGNATURE"
    form = deliver(trigger, b"name=Ada&tag=a&tag=b", "application/x-www-form-urlencoded")
    assert form.status_code == 202
    assert runs(trigger).last().frozen["trigger"]["body"] == {"name": "Ada", "tag": ["a", "b"]}


def test_too_many_a_second_are_asked_to_wait(greet, settings):
    settings.WEBHOOKS_PER_SECOND = 1
    trigger = made(greet)
    with freeze(now()):
        answers = [deliver(trigger, {"name": str(n)}) for n in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 4 + [429] * 2
    assert int(answers[-1].headers["Retry-After"]) >= 1 and runs(trigger).count() == 4


def test_the_database_away_is_503_and_never_202(greet, monkeypatch):
    trigger = made(greet)

    def away(*_, **__):
        raise OperationalError("gone")

    for place in ("find_address", "receive"):
        with monkeypatch.context() as patch:
            patch.setattr(f"workflows.api.hooks.{place}", away)
            answer = deliver(trigger)
            assert (answer.status_code, answer.headers["Retry-After"], code(answer)) == (503, "5", "E_UNAVAILABLE")
    assert not runs(trigger).exists()


# ---- Filter, backlog, replay, answers --------------------------------------------------------------------------------


def test_a_filter_lets_through_what_meets_it(greet, editor):
    trigger = made(greet)
    change_trigger(editor.actor, trigger, filter="trigger.body.kind == 'born' and trigger.headers['x-event'] == 'a'")
    assert deliver(trigger, {"name": "A", "kind": "born"}, **{"X-Event": "a"}).json()["status"] == "run"
    assert deliver(trigger, {"name": "B", "kind": "died"}, **{"X-Event": "a"}).json()["status"] == "filtered"
    assert deliver(trigger, {"name": "C"}).json() | {"id": 0} == {"id": 0, "n": 3, "status": "filtered", "run": None}
    assert runs(trigger).count() == 1


def test_what_comes_while_the_workflow_is_off_waits_and_runs_in_order(greet, workspace):
    actor, trigger = Actor.system(workspace, "t"), made(greet)
    set_enabled(actor, greet, False)
    for name in "abc":
        assert deliver(trigger, {"name": name}).json()["status"] == "waiting"
    inbound.drain(now())
    assert not runs(trigger).exists()
    with freeze(now() + timedelta(days=20)) as clock:
        forgetting.forget(clock.at)
    set_enabled(actor, greet, True)
    assert deliver(trigger, {"name": "d"}).json()["status"] == "waiting", "behind those that wait"
    inbound.drain(now())
    inbound.drain(now())
    assert [run.inputs["who"] for run in runs(trigger)] == ["a", "b", "c", "d"]
    assert deliver(trigger, {"name": "e"}).json()["status"] == "run"


def test_a_delivery_is_replayed_and_tried(greet, operator, viewer, editor):
    trigger = made(greet)
    deliver(trigger, {"name": "Ada"})
    trigger = change_trigger(editor.actor, trigger, inputs={"who": "{{ trigger.body.name | upcase }}"}).trigger
    base = f"/api/v1/triggers/{trigger.pk}"
    assert viewer.api.post_json(f"{base}/deliveries/1/replay").status_code == 403
    again = operator.api.post_json(f"{base}/deliveries/1/replay")
    assert again.status_code == 202 and again.json()["run"]["inputs"] == {"who": "ADA"}
    assert again.json()["delivery"]["replay_of"] == 1
    listed = viewer.api.get(f"{base}/deliveries").json()["results"]
    assert [(row["n"], row["source"], row["status"]) for row in listed] == [
        (2, "replay", "run"),
        (1, "delivery", "run"),
    ]
    assert viewer.api.get(f"{base}/deliveries/1").json()["body"] == {"name": "Ada"}
    assert operator.api.get(f"{base}/deliveries/99").status_code == 404
    tried = operator.api.post_json(f"{base}/test", {}).json()
    assert tried["inputs"] == {"who": "ADA"} and tried["passes"] and tried["run"] is None
    wrong = operator.api.post_json(f"{base}/test", {"event": {"body": {}}}).json()
    assert wrong["problem"]["code"] == "E_TPL_UNDEFINED"
    fired = operator.api.post_json(f"{base}/test", {"event": {"body": {"name": "Bo"}}, "run": True})
    assert fired.status_code == 202 and fired.json()["run"]["inputs"] == {"who": "BO"}
    assert runs(trigger).count() == 3


def test_the_result_of_the_run_may_be_the_answer(real, engine):  # noqa: F811
    trigger = made(real, "hmac", answer="result", answer_seconds=1)
    answer = deliver(trigger, {"name": "slow"})
    assert answer.status_code == 202 and answer.json()["run"]
    engine()
    change_trigger(Actor.system(real.workspace, "t"), trigger, config={"answer_seconds": 20})
    answer = deliver(trigger, {"name": "Ada"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["outputs"] == {"text": "Hello Ada"} and answer.json()["status"] == "succeeded"


def test_secrets_are_told_once_and_addresses_to_editors(greet, editor, viewer):
    body = {"workflow": greet.slug, "kind": "webhook", "enabled": True}
    answer = editor.api.post_json("/api/v1/triggers", body).json()
    assert len(answer["secret"]) >= 40 and len(answer["url"].rpartition("/")[2]) >= 32
    shown = f"/api/v1/triggers/{answer['id']}"
    assert "secret" not in editor.api.get(shown).json() and editor.api.get(shown).json()["url"] == answer["url"]
    assert viewer.api.get(shown).json()["url"] is None
    trigger = Trigger.objects.of(greet.workspace).get(pk=answer["id"])
    assert answer["secret"] not in trigger.secret and answer["url"].rpartition("/")[2] not in trigger.secret
    turned = editor.api.post_json(f"{shown}/rotate", {"keep_hours": 0})
    assert turned.json()["secret"] != answer["secret"]
