"""The kinds of triggers there are: our own, and those that services declare; what a config of each may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel, ValidationError

from integrations import registry
from integrations.spec import Trigger as Declared
from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.json import JSONValue, clean_value
from orchestrator_site.lib.names import did_you_mean
from workflows.engine.due_times import ScheduleConfig, read_schedule, schedule_of
from workflows.engine.firing import SCHEDULE

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
    found = [SCHEDULES, *(_of_service(declared) for declared in registry.triggers())]
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
