"""The kinds of triggers there are: our own, and those that services declare; what a config of each may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from integrations import registry
from integrations.spec import Signature
from integrations.spec import Trigger as Declared
from orchestrator_site.lib.body import Body, read_body
from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.json import JSONValue, clean_value
from orchestrator_site.lib.names import did_you_mean
from workflows.engine.due_times import ScheduleConfig, read_schedule, schedule_of
from workflows.engine.firing import SCHEDULE, WEBHOOK
from workflows.engine.signatures import GENERIC, STRIPE

Config = dict[str, Any]
MOST_CONFIG = 64 * 1024


@dataclass(frozen=True)
class TriggerKind:
    """A kind: what people read, how a config is checked, and what its runs see."""

    name: str
    title: str
    description: str
    icon: str
    check: Callable[[Config], Config]
    has_address: bool = False
    sees: Mapping[str, str] = ()  # type: ignore[assignment]
    declared: Declared | None = None
    config: type[BaseModel] | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """What a config may say, as JSON Schema."""
        return self.config.model_json_schema() if self.config else {}


def kinds() -> dict[str, TriggerKind]:
    """Every kind by name, our own first."""
    found = [SCHEDULES, WEBHOOKS, *(_of_service(declared) for declared in registry.triggers())]
    return {kind.name: kind for kind in found}


def kind_of(name: object) -> TriggerKind:
    """A kind by its name. Raises UserError E_CHOICE with the nearest one."""
    known = kinds()
    if not isinstance(name, str) or name not in known:
        hint = did_you_mean(str(name)[:60], list(known))
        raise UserError("E_CHOICE", f"There is no kind of trigger “{str(name)[:60]}”.", field="kind", hint=hint)
    return known[name]


def check_config(kind: TriggerKind, config: Any) -> Config:
    """A config as it is stored. Raises UserError with the field below `config`."""
    said = clean_value({} if config is None else config, max_bytes=MOST_CONFIG, field="config")
    if not isinstance(said, dict):
        raise UserError("E_TYPE", "config must be an object.", field="config")
    return kind.check(said)


def _check_schedule(config: Config) -> Config:
    values = below("config", lambda: read_schedule(config))
    schedule_of(values)
    stored: Config = values.model_dump(exclude_none=True)
    return stored


def below(field: str, read: Callable[[], Any]) -> Any:
    """What `read` gives; the fields of its errors are named below `field`."""
    try:
        return read()
    except Problems as several:
        raise Problems([{**one, "field": f"{field}.{one.get('field')}"} for one in several.extra["errors"]]) from None
    except UserError as problem:
        problem.field = f"{field}.{problem.field}" if problem.field and problem.field != "body" else field
        raise


def _of_service(declared: Declared) -> TriggerKind:
    icon = "plug-connected"
    check = partial(_check_declared, declared)
    sees = {name: str(info.description or "") for name, info in declared.event.model_fields.items()}
    return TriggerKind(
        declared.name, declared.title, declared.description, icon, check, declared.hook is not None, sees, declared,
        declared.config,
    )  # fmt: skip


def _check_declared(declared: Declared, config: Config) -> Config:
    return validated(declared.config, config).model_dump(mode="json", exclude_none=True)


def validated(model: type[BaseModel], config: Mapping[str, JSONValue]) -> BaseModel:
    """A config of a service's trigger. Raises UserError."""
    try:
        return model.model_validate(dict(config))
    except ValidationError as wrong:
        found = [
            UserError("E_INVALID", f"{_at(error)}: {error['msg']}.", field=_at(error)) for error in wrong.errors()[:20]
        ]
        raise found[0] if len(found) == 1 else Problems(found) from None


def _at(error: Any) -> str:
    return ".".join(("config", *(str(part) for part in error["loc"])))


class WebhookConfig(Body):
    """How deliveries prove where they come from, what tells them apart, and what is answered.

    `auth`: hmac (X-Signature-256), stripe, bearer, basic, none, or a service that signs in a way of its own.
    `dedupe`: auto, off, header:NAME or path:data.id. `answer`: at_once (202), or the result of the run.
    """

    auth: str = "hmac"
    username: str = Field("webhook", min_length=1, max_length=100, pattern=r"^[!-9;-~]+$")
    dedupe: str = Field("auto", pattern=r"^(auto|off|header:[A-Za-z0-9-]{1,60}|path:[\w.$-]{1,100})$")
    answer: Literal["at_once", "result"] = "at_once"
    answer_seconds: int = Field(10, ge=1, le=30)
    empty: Literal["take", "refuse"] = "take"


AUTH: dict[str, str] = {
    "hmac": "A signature of your own program (X-Signature-256)",
    "stripe": "Stripe, and what signs like it",
    "bearer": "A token in the header Authorization",
    "basic": "A user name and a password",
    "none": "Nothing: who knows the address may deliver",
}


def auth_words() -> dict[str, str]:
    """The ways a delivery can prove where it comes from, with words for people."""
    of_services = {slug: f"{found.title} ({found.header})" for slug, found in registry.signatures().items()}
    return {"hmac": AUTH["hmac"], **of_services, **AUTH}


def scheme_of(auth: str) -> Signature | None:
    """How deliveries are signed; None where they are not."""
    return {"hmac": GENERIC, "stripe": STRIPE, **registry.signatures()}.get(auth)


def needs_secret(auth: str) -> bool:
    """Whether we make the secret (some services bring their own, with a first delivery)."""
    scheme = scheme_of(auth)
    return auth != "none" and not (scheme is not None and scheme.handshake)


def _check_webhook(config: Config) -> Config:
    values = below("config", lambda: read_body(config, WebhookConfig, read_only=()))
    if values.auth not in auth_words():
        hint = did_you_mean(values.auth[:60], list(auth_words()))
        raise UserError("E_CHOICE", f"There is no auth “{values.auth[:60]}”.", field="config.auth", hint=hint)
    stored: Config = values.model_dump()
    return stored


WEBHOOKS = TriggerKind(
    WEBHOOK,
    "Webhook",
    "When another program sends something to an address of its own, signed or with a token.",
    "webhook",
    _check_webhook,
    has_address=True,
    sees={
        "id": "What names this delivery",
        "received_at": "When it came",
        "body": "What was sent: JSON, the fields of a form, or text",
        "headers": "The headers, by lower-case name: trigger.headers['x-event']",
        "query": "What the address had after its question mark",
    },
    config=WebhookConfig,
)
SCHEDULES = TriggerKind(
    SCHEDULE,
    "Schedule",
    "At set times: every weekday at 09:00, every 15 minutes, or by a cron.",
    "clock",
    _check_schedule,
    sees={
        "due_at": "The due time, in UTC",
        "local": "The due time in the schedule's zone",
        "date": "Its date there",
        "time": "Its time of the day there",
        "timezone": "The zone",
        "missed": "Due times before it that this run stands for",
    },
    config=ScheduleConfig,
)
