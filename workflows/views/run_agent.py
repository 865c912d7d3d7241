"""The turns of an agent on the page of a run: what its model said, which tools it used, what a person decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from workflows.engine.definition import StepSpec
from workflows.models import StepRun
from workflows.operations.words import action_title

Make = Callable[[StepSpec, StepRun], Any]
MOST_TEXT = 120


def turns_of(spec: StepSpec, path: str, places: Mapping[tuple[str, str], StepRun], make: Make) -> dict[int, list[Any]]:
    """The lines of each turn, in the order in which things happened; `make` makes a line of a record."""
    prefix = f"{path}/{spec.key}[" if path else f"{spec.key}["
    found: dict[int, list[StepRun]] = defaultdict(list)
    for record in places.values():
        index, closing, rest = record.path.removeprefix(prefix).partition("]")
        if record.path.startswith(prefix) and closing and not rest and index.isdigit():
            found[int(index)].append(record)
    return {
        number: [make(_spec(record), record) for record in sorted(found[number], key=lambda record: record.pk)]
        for number in sorted(found)
    }


def _spec(record: StepRun) -> StepSpec:
    """The step that the agent made."""
    return StepSpec(record.key, record.action, name=_name(record))


def _name(record: StepRun) -> str:
    if record.key == "turn":
        return "The model"
    if record.action == "approve":
        return "A person"
    if record.action == "fail":
        return "A call that cannot be used"
    return action_title(record.action)


def gist_of_turn(output: Any) -> str:
    """What the model said, or asked for, in one line."""
    if not isinstance(output, dict):
        return ""
    asked = [str(call.get("name", "")) for call in output.get("calls") or () if isinstance(call, dict)]
    text = " ".join(str(output.get("text") or "").split())
    shown = text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"
    return " · ".join(filter(None, (f"asks for {', '.join(asked)}" if asked else "", shown)))


def told(record: StepRun) -> Any:
    """What a turn told the model that it had not been told before; all that it read is in the API."""
    given = record.input if isinstance(record.input, dict) else {}
    messages = [message for message in given.get("messages") or () if isinstance(message, dict)]
    last = max((at for at, message in enumerate(messages) if message.get("role") == "assistant"), default=-1)
    return messages[last + 1 :]


def gist_of_agent(output: Mapping[str, Any]) -> str:
    """How far the agent came, in one line."""
    if "turns" not in output:
        return ""
    turns, calls = int(output["turns"]), int(output.get("calls") or 0)
    said = f"{turns} turn{'s' if turns != 1 else ''}, {calls} call{'s' if calls != 1 else ''}"
    return f"{said}; stopped at its limit of {output['stopped']}" if output.get("stopped") else said
