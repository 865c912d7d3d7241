"""Reads the JSON of a definition piece by piece and notes all that is not well formed. Pure."""

from __future__ import annotations

from typing import Any

from orchestrator_site.lib.json import JSONValue
from workflows.engine.definition import FORMAT, INPUT_TYPES, Definition, InputSpec, OnError, RetrySpec, StepSpec
from workflows.engine.findings import Problem
from workflows.engine.holding import MOST_PATIENCE
from workflows.engine.lists import BRANCH, CASE, HELD, ON_ERROR, lists_of
from workflows.engine.reader import Reader, in_words
from workflows.engine.turns import OLD_NAMES, POLICIES

MAX_BLOCKS = 10
MAX_LOOPS = 5
MAX_CASES = 100
MAX_BRANCHES = 20
LOOPS = ("for_each", "repeat")
TOP = ("format", "slug", "name", "description", "settings", "inputs", "steps", "outputs")
INPUT = ("name", "type", "required", "default", "label", "help", "options")
STEP = (
    *("key", "name", "action", "connection", "with", "when", "timeout", "retry", "on_error", "unknown"),
    *("cache", "disabled", "note", *HELD),
)
AFTER_ERROR = ("stop", "continue", "value", "branch")
UNKNOWN = ("look", "ask", "retry", "fail")
BACKOFF = ("exponential", "linear", "fixed")
RUN_TIMEOUT = LONGEST_CACHE = 30 * 24 * 3600


def read_definition(value: JSONValue, max_steps: int) -> tuple[Definition | None, list[Problem]]:
    """The definition and what is wrong with its form; with findings the definition is not to be used."""
    reader = Reader()
    if not isinstance(value, dict):
        reader.note("E_TYPE", f"A workflow is an object, not {in_words(value)}.", "definition", "Send {…}.")
        return None, reader.found
    if not _few_enough(reader, value, max_steps):
        return None, reader.found
    reader.fields(value, TOP, "")
    read_format = reader.whole(value, "format", "", FORMAT, FORMAT)
    return (
        Definition(
            format=FORMAT if read_format is None else read_format,
            slug=reader.key(value, "slug", ""),
            name=reader.text(value, "name", "", 1, 120, required=True),
            description=reader.text(value, "description", "", 0, 10_000),
            settings=_settings(reader, value),
            inputs=_inputs(reader, value),
            steps=_steps(reader, reader.list(value, "steps", ""), "steps", 0, 0),
            outputs=_outputs(reader, value),
        ),
        reader.found,
    )


def _few_enough(reader: Reader, value: dict[str, Any], max_steps: int) -> bool:
    count, todo = 0, [value.get("steps")]
    while todo:
        found = todo.pop()
        if not isinstance(found, list):
            continue
        count += len(found)
        todo.extend(steps for step in found for _, steps in lists_of(step))
    if count > max_steps:
        text = f"This workflow has {count:,} steps; at most {max_steps:,} are possible."
        reader.note("E_DEF_SIZE", text, "steps", "Split it into several workflows.", max_steps)
    return count <= max_steps


def _settings(reader: Reader, value: dict[str, Any]) -> dict[str, JSONValue]:
    settings = reader.object(value, "settings", "")
    reader.fields(settings, ("timeout", "concurrency", "wait_for_connection"), "settings")
    kept: dict[str, JSONValue] = {}
    timeout = reader.whole(settings, "timeout", "settings", 1, RUN_TIMEOUT)
    if timeout is not None:
        kept["timeout"] = timeout
    waits = reader.whole(settings, "wait_for_connection", "settings", 0, MOST_PATIENCE)
    if waits is not None:
        kept["wait_for_connection"] = waits
    concurrency = _concurrency(reader, settings)
    if concurrency:
        kept["concurrency"] = concurrency
    return kept


def _concurrency(reader: Reader, settings: dict[str, Any]) -> dict[str, Any]:
    """Runs at the same time; the names that older files have for the policies are read as today's."""
    at = "settings.concurrency"
    given = dict(reader.object(settings, "concurrency", "settings"))
    if isinstance(given.get("policy"), str):
        given["policy"] = OLD_NAMES.get(given["policy"], given["policy"])
    reader.fields(given, ("key", "limit", "policy"), at)
    reader.text(given, "key", at, 0, 1000)
    reader.whole(given, "limit", at, 1, 1000)
    reader.choice(given, "policy", at, POLICIES)
    return given


def _inputs(reader: Reader, value: dict[str, Any]) -> tuple[InputSpec, ...]:
    specs, seen = [], dict[str, str]()
    for i, item in enumerate(reader.list(value, "inputs", "")):
        at = f"inputs[{i}]"
        if not isinstance(item, dict):
            reader.wrong_type(at, "an object", item)
            continue
        spec = _input(reader, item, at)
        if spec.name and spec.name in seen:
            text = f"{seen[spec.name]} and {at} are both called “{spec.name}”."
            reader.note("E_DEF_DUP", text, f"{at}.name", "Give one of them another name.")
        seen[spec.name] = at
        specs.append(spec)
    return tuple(specs)


def _input(reader: Reader, item: dict[str, Any], at: str) -> InputSpec:
    from workflows.engine.inputs import check_default

    reader.fields(item, INPUT, at)
    options = reader.list(item, "options", at)
    if any(not isinstance(option, str) or not 1 <= len(option) <= 200 for option in options):
        reader.note("E_TYPE", f"{at}.options must be texts of 1 to 200 characters.", f"{at}.options")
        options = []
    spec = InputSpec(
        name=reader.key(item, "name", at, required=True),
        type=reader.choice(item, "type", at, INPUT_TYPES) or "text",
        required=reader.flag(item, "required", at),
        has_default=item.get("default") is not None,
        default=item.get("default"),
        label=reader.text(item, "label", at, 0, 120),
        help=reader.text(item, "help", at, 0, 500),
        options=tuple(options),
    )
    if spec.type == "choice" and not options:
        reader.note("E_REQUIRED", f"{at}.options is missing: a choice needs something to choose from.", f"{at}.options")
    elif spec.has_default:
        check_default(reader, spec, at)
    return spec


def _outputs(reader: Reader, value: dict[str, Any]) -> dict[str, JSONValue]:
    outputs = reader.object(value, "outputs", "")
    for name in outputs:
        reader.key({"name": name}, "name", f"outputs.{name[:60]}")
    return dict(outputs)


def _steps(reader: Reader, items: list[Any], at: str, blocks: int, loops: int) -> tuple[StepSpec, ...]:
    steps = []
    for i, item in enumerate(items):
        where = f"{at}[{i}]"
        if isinstance(item, dict):
            steps.append(_step(reader, item, where, blocks, loops))
        else:
            reader.wrong_type(where, "an object", item)
    return tuple(steps)


def _step(reader: Reader, item: dict[str, Any], at: str, blocks: int, loops: int) -> StepSpec:
    action = reader.text(item, "action", at, 1, 100, required=True)
    reader.fields(item, STEP, at)
    cases, branches = _cases(reader, item, at), _branches(reader, item, at)
    return StepSpec(
        key=_step_key(reader, item, at),
        action=action,
        name=reader.text(item, "name", at, 0, 120),
        connection=reader.text(item, "connection", at, 0, 48),
        with_=reader.object(item, "with", at),
        when=reader.text(item, "when", at, 0, 4000).strip(),
        timeout=reader.whole(item, "timeout", at, 1, 3600),
        retry=_retry(reader, item, at),
        on_error=_on_error(reader, item, at),
        unknown=reader.choice(item, "unknown", at, UNKNOWN),
        cache=_cache(reader, item, at),
        disabled=reader.flag(item, "disabled", at),
        note=reader.text(item, "note", at, 0, 4000),
        branches=_children(reader, item, at, branches, blocks + 1, loops + (action in LOOPS), loops),
        cases=cases,
    )


def _step_key(reader: Reader, item: dict[str, Any], at: str) -> str:
    key = reader.key(item, "key", at, required=True)
    if key in reader.keys and key:
        text = f"{reader.keys[key]} and {at} have the same key “{key}”."
        reader.note("E_DEF_DUP", text, f"{at}.key", "Give one of them another key.")
    reader.keys.setdefault(key, at)
    return key


def _cases(reader: Reader, item: dict[str, Any], at: str) -> tuple[JSONValue, ...]:
    """The values of a switch; every case has one, and no two have the same."""
    values: list[JSONValue] = []
    for i, case in enumerate(_at_most(reader, item, "cases", at, MAX_CASES)):
        where = f"{at}.cases[{i}]"
        value = case.get("equals") if isinstance(case, dict) else None
        if not isinstance(case, dict):
            reader.wrong_type(where, "an object", case)
        elif value is None:
            reader.note("E_REQUIRED", f"{where}.equals is missing: it is the value of the case.", f"{where}.equals")
        elif not isinstance(value, (str, int, float)):
            reader.wrong_type(f"{where}.equals", "text, a number, or true or false", value)
        elif isinstance(value, str) and len(value) > 1000:
            text = f"{where}.equals must have 0 to 1,000 characters; this has {len(value):,}."
            reader.note("E_LENGTH", text, f"{where}.equals", limit=1000)
        elif (twin := next((n for n, other in enumerate(values) if same(other, value)), None)) is not None:
            text = f"{at}.cases[{twin}] and {where} have the same value."
            reader.note("E_DEF_DUP", text, f"{where}.equals", "Give one of them another value.")
        if isinstance(case, dict):
            reader.fields(case, ("equals", "steps"), where)
        values.append(value)
    return tuple(values)


def same(one: JSONValue, other: JSONValue) -> bool:
    """Whether two constants are the same for a switch: 1 is 1.0, but neither true nor the text 1."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _branches(reader: Reader, item: dict[str, Any], at: str) -> list[tuple[str, dict[str, Any], str]]:
    """The branches of a parallel: (key, branch, place); no two have the same key."""
    found: list[tuple[str, dict[str, Any], str]] = []
    for i, branch in enumerate(_at_most(reader, item, "branches", at, MAX_BRANCHES)):
        where = f"{at}.branches[{i}]"
        if not isinstance(branch, dict):
            reader.wrong_type(where, "an object", branch)
            continue
        reader.fields(branch, ("key", "steps"), where)
        key = reader.key(branch, "key", where, required=True)
        if key and key in [other for other, _, _ in found]:
            text = f"Two branches of {at} have the key “{key}”."
            reader.note("E_DEF_DUP", text, f"{where}.key", "Give one of them another key.")
        found.append((key, branch, where))
    return found


def _at_most(reader: Reader, item: dict[str, Any], name: str, at: str, most: int) -> list[Any]:
    found = reader.list(item, name, at)
    if len(found) > most:
        text = f"{at}.{name} holds {len(found):,}; at most {most} are possible."
        reader.note("E_RANGE", text, f"{at}.{name}", "Split the step in two.", most)
    return found[:most]


def _children(
    reader: Reader,
    item: dict[str, Any],
    at: str,
    branches: list[tuple[str, dict[str, Any], str]],
    blocks: int,
    loops: int,
    outside: int,
) -> dict[str, tuple[StepSpec, ...]]:
    """The lists of steps that are there, by name in reading order (engine.lists)."""
    found: dict[str, tuple[StepSpec, ...]] = {}

    def take(name: str, holder: Any, field: str, where: str, depth: int) -> None:
        if isinstance(holder, dict):
            found[name] = _list(reader, reader.list(holder, field, where), f"{where}.{field}", blocks, depth)

    if item.get("then") is not None:
        take("then", item, "then", at, loops)
    for i, case in enumerate(reader.list(item, "cases", at)[:MAX_CASES]):
        take(f"{CASE}{i}", case, "steps", f"{at}.cases[{i}]", loops)
    for key, branch, where in branches:
        take(f"{BRANCH}{key}", branch, "steps", where, loops)
    for name in ("else", "do"):
        if item.get(name) is not None:
            take(name, item, name, at, loops)
    error = item.get("on_error")
    if isinstance(error, dict) and error.get("do") == "branch":
        take(ON_ERROR, error, "steps", f"{at}.on_error", outside)
    return found


def _list(reader: Reader, children: list[Any], at: str, blocks: int, loops: int) -> tuple[StepSpec, ...]:
    limit = MAX_LOOPS if loops > MAX_LOOPS else MAX_BLOCKS
    if children and (loops > MAX_LOOPS or blocks > MAX_BLOCKS):
        reader.note("E_DEPTH", f"{at} is nested deeper than {limit} levels.", at, "Move the inner steps out.", limit)
        return ()
    return _steps(reader, children, at, blocks, loops)


def _retry(reader: Reader, item: dict[str, Any], at: str) -> RetrySpec | None:
    retry, at = reader.object(item, "retry", at), f"{at}.retry"
    if not retry:
        return None
    reader.fields(retry, ("max", "backoff", "delay", "max_delay"), at)
    return RetrySpec(
        max=reader.whole(retry, "max", at, 0, 10),
        backoff=reader.choice(retry, "backoff", at, BACKOFF) or None,
        delay=reader.number(retry, "delay", at, 0, 3600),
        max_delay=reader.number(retry, "max_delay", at, 0, 86400),
    )


def _cache(reader: Reader, item: dict[str, Any], at: str) -> JSONValue:
    cache, at = reader.object(item, "cache", at), f"{at}.cache"
    if not cache:
        return None
    reader.fields(cache, ("seconds",), at)
    if cache.get("seconds") is None:
        reader.note("E_REQUIRED", f"{at}.seconds is missing: it says how long the result is kept.", f"{at}.seconds")
    return {"seconds": reader.whole(cache, "seconds", at, 1, LONGEST_CACHE) or 1}


def _on_error(reader: Reader, item: dict[str, Any], at: str) -> OnError:
    if item.get("on_error") is None:
        return OnError()
    said, at = reader.object(item, "on_error", at), f"{at}.on_error"
    reader.fields(said, ("do", "value", "steps"), at)
    do = reader.choice(said, "do", at, AFTER_ERROR)
    if "do" not in said:
        reader.note("E_REQUIRED", f"{at}.do is missing.", f"{at}.do", f"One of {', '.join(AFTER_ERROR)}.")
    if do == "value" and "value" not in said:
        reader.note("E_REQUIRED", f"{at}.value is missing: it is what the step then gives.", f"{at}.value")
    if do != "value" and "value" in said:
        reader.note("E_UNKNOWN_FIELD", f"{at}.value has no meaning unless do is value.", f"{at}.value")
    if do != "branch" and "steps" in said:
        reader.note("E_UNKNOWN_FIELD", f"{at}.steps has no meaning unless do is branch.", f"{at}.steps")
    return OnError(do=do or "stop", value=said.get("value"), has_value="value" in said, explicit=True)
