"""Nodes one after the other, as steps: branches, loops, and what is switched off. Pure."""

from __future__ import annotations

from typing import Any

from orchestrator_site.lib.names import slugify_key
from workflows.engine.findings import Problem
from workflows.operations.imports.keys import Keys
from workflows.operations.imports.n8n.conditions import condition_of, literal
from workflows.operations.imports.n8n.expressions import (
    Path,
    Unproven,
    convert_text,
    expression,
    harmless,
    walk_texts,
)
from workflows.operations.imports.n8n.mapping import Mapped
from workflows.operations.imports.n8n.naming import Naming
from workflows.operations.imports.n8n.readers import READERS
from workflows.operations.imports.n8n.reading import Graph, Node, located
from workflows.operations.imports.n8n.scope import Scope
from workflows.operations.imports.result import Line

JSON = dict[str, Any]
PASSES_ON = {"if", "filter", "switch", "noop", "merge", "wait", "splitinbatches", "respondtowebhook", "limit"}
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
DEEPEST, MOST_STEPS, MOST_RULES, NOTE = 4, 400, 8, 2000


class Blocks(Naming):
    """Makes the steps of a graph. Every node is noted in `report` once, and every switched off step in `problems`."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self.keys = Keys()
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.report: list[Line] = []
        self.made = 0

    def note(self, node: Node, became: str, step: str, text: str = "") -> None:
        """A line of the report; a node that stands in two branches has one."""
        if not any(line.name == node.name for line in self.report):
            self.report.append(Line(node.name, node.type, became, step, text))

    # ---- One after the other ---------------------------------------------------------------------------------

    def sequence(self, start: list[str], scope: Scope, stop: frozenset[str] = frozenset()) -> list[JSON]:
        """The steps from these nodes on, up to those in `stop`; targets of one output go one after the other."""
        steps: list[JSON] = []
        waiting = list(dict.fromkeys(start))
        while waiting:
            name = waiting.pop(0)
            if name in stop or not name:
                continue
            if name in scope.placed:
                if self._leads_back(name, scope):
                    steps.append(self._back(name))
                continue
            if self.made >= MOST_STEPS:
                self._too_many()
                break
            made, following = self._place(self.graph.nodes[name], scope, stop)
            steps += made
            waiting = [*following, *waiting]
        return steps

    def _leads_back(self, name: str, scope: Scope) -> bool:
        """Whether going on to a placed node would be a circle, not two ways that meet."""
        last = next(reversed(scope.placed), "")
        return bool(last) and last != name and name in self._chain(last, scope) and last in self._reach(name)

    def _chain(self, name: str, scope: Scope) -> set[str]:
        """The nodes through which this one was reached."""
        seen: set[str] = set()
        while name and name not in seen:
            seen.add(name)
            name = scope.before.get(name, "")
        return seen

    def _reach(self, name: str) -> list[str]:
        """What can be reached from a node, the nearest first, itself included."""
        found, at = [name], 0
        seen = {name}
        while at < len(found):
            for targets in self.graph.next.get(found[at], []):
                fresh = [one for one in targets if one and one not in seen]
                seen |= set(fresh)
                found += fresh
            at += 1
        return found

    def _place(self, node: Node, scope: Scope, stop: frozenset[str]) -> tuple[list[JSON], list[str]]:
        """A node's steps, and the nodes that come next."""
        self.made += 1
        if node.is_trigger:
            scope.enter(node.name, "")
            return [], self._next(node, scope)
        if node.kind in ("noop", "merge", "respondtowebhook") and not self._combines(node):
            scope.enter(node.name, "", passes_on=True)
            words = {"merge": "What comes from several sides goes on one after the other.", "noop": "It did nothing."}
            self.note(node, "left out", "", words.get(node.kind, "It answered the caller; a run has outputs instead."))
            return [], self._next(node, scope)
        if scope.depth < DEEPEST:
            if node.kind in ("if", "filter", "switch"):
                return self._branch(node, scope, stop)
            if node.kind == "splitinbatches":
                return self._batches(node, scope, stop)
            if node.kind == "splitout":
                return self._split(node, scope, stop)
        return self._step(node, scope, stop)

    def _combines(self, node: Node) -> bool:
        return node.kind == "merge" and str(node.parameters.get("mode", "append")) not in (
            "append",
            "chooseBranch",
            "wait",
        )

    def _next(self, node: Node, scope: Scope, output: int = 0) -> list[str]:
        targets = self.graph.targets(node.name, output)
        for target in targets:
            scope.before.setdefault(target, node.name)
        return targets

    # ---- Plain steps -----------------------------------------------------------------------------------------

    def _step(self, node: Node, scope: Scope, stop: frozenset[str]) -> tuple[list[JSON], list[str]]:
        mapped = self._mapped(node)
        key = self.keys.give(slugify_key(node.name, fallback="step"))
        if mapped is None:
            return [self._unknown(node, key, scope)], self._next(node, scope)
        inputs, missing = self._inputs(node, mapped.inputs, scope)
        step = {"key": key, "name": node.name[:120], "action": mapped.action, **({"with": inputs} if inputs else {})}
        reasons = [*mapped.missing, *(f"“{one[:120]}” could not be translated." for one in missing)]
        self._finish(node, step, reasons, mapped.remarks)
        scope.enter(node.name, key, mapped).off = bool(reasons)
        self._errors(node, step, scope, stop)
        following = self._next(node, scope)
        batched = any(self.graph.nodes[one].kind == "splitinbatches" for one in following)
        if not mapped.items or batched or not following or scope.depth >= DEEPEST:
            return [step], following
        inner = scope.inside(loop=node.name)
        body = self.sequence(following, inner, stop)
        return [
            step,
            self._loop(f"each_{key}", f"For each of “{node.name[:80]}”", f"steps.{key}.{mapped.items}", body),
        ], []

    def _mapped(self, node: Node) -> Mapped | None:
        """The node as a step of ours, or None where there is none."""
        if node.kind == "wait":
            return self._wait(node)
        if node.kind == "stopanderror":
            return Mapped("fail", {"message": node.parameters.get("errorMessage") or "Stopped by the workflow."})
        reader = READERS.get(node.kind)
        mapped = reader(node) if reader else None
        tools = self.graph.helping(node.name, "ai_tool")
        if mapped is not None and tools:
            named = ", ".join(tool.name[:60] for tool in tools[:10])
            mapped.missing.append(f"It could use tools: {named}. Choose here what it may do.")
        return mapped

    def _wait(self, node: Node) -> Mapped | None:
        resume = str(node.parameters.get("resume") or "timeInterval")
        if resume == "webhook":
            return Mapped("wait", {"event": "resume"}, remarks=["It waits for the event “resume” of the run."])
        if resume == "specificTime" and node.parameters.get("dateTime"):
            return Mapped("wait", {"until": node.parameters["dateTime"]})
        amount, unit = node.parameters.get("amount", 1), str(node.parameters.get("unit") or "hours")
        if isinstance(amount, bool) or not isinstance(amount, int | float) or unit not in UNITS:
            return None
        return Mapped("wait", {"seconds": min(31_536_000, max(1, int(amount * UNITS[unit])))})

    def _inputs(self, node: Node, inputs: JSON, scope: Scope) -> tuple[JSON, list[str]]:
        missing: list[str] = []

        def changed(text: str) -> str:
            made, unproven = convert_text(text, lambda name, path: self.resolve(node, name, path, scope))
            missing.extend(unproven)
            return made

        return walk_texts(inputs, changed), missing

    def _finish(self, node: Node, step: JSON, reasons: list[str], remarks: list[str]) -> None:
        """Switch off what is not whole, and say so in note, problem and report."""
        notes = [*reasons, *remarks, *([node.notes] if node.notes else [])]
        if reasons:
            step["disabled"] = True
            text = f"“{node.name[:80]}”: {reasons[0]}"
            hint = "Mend the step and switch it on, or remove it."
            self.problems.append(Problem("E_IMPORT_MISSING", text[:500], step=step["key"], hint=hint))
        elif node.disabled:
            step["disabled"] = True
            remarks = ["It was switched off there too.", *remarks]
        if notes:
            step["note"] = "\n".join(notes)[:NOTE]
        became = "off" if reasons else "changed" if remarks else "mapped"
        used = (
            [f"It used the credential “{node.credentials[0]}”; choose a connection here."] if node.credentials else []
        )
        self.note(node, became, step["key"], " ".join([*reasons, *remarks, *used])[:500])

    def _unknown(self, node: Node, key: str, scope: Scope) -> JSON:
        """A node without an action of ours: a switched off step that takes its place and can give what it gave."""
        scope.enter(node.name, key, Mapped("data.set", {"fields": {}}, whole="value")).off = True
        what = node.type.rpartition(".")[2] or node.type
        done = ", ".join(str(located(node.parameters[one]))[:60] for one in ("resource", "operation", "mode")
                         if isinstance(located(node.parameters.get(one)), str))  # fmt: skip
        reason = f"There is no action here for {what}{f' ({done})' if done else ''}."
        if node.kind in ("code", "function", "functionitem"):
            reason = "It ran code, which is not done here: put steps in its place that make the same values."
        step: JSON = {"key": key, "name": node.name[:120], "action": "data.set", "with": {"fields": {"value": ""}}}
        self._finish(node, step, [reason], [])
        return step

    def _errors(self, node: Node, step: JSON, scope: Scope, stop: frozenset[str]) -> None:
        if (
            node.retries is not None
            and step["action"] not in ("wait", "fail")
            and not step["action"].startswith("data.")
        ):
            step["retry"] = {"max": node.retries, **({"delay": node.pause} if node.pause else {})}
        if not node.carries_on or step["action"] == "fail":
            return
        if node.error_output and self.graph.targets(node.name, 1) and scope.depth < DEEPEST:
            inner = scope.inside()
            steps = self.sequence(self._next(node, inner, 1), inner, stop)
            step["on_error"] = {"do": "branch", "steps": steps} if steps else {"do": "continue"}
        else:
            step["on_error"] = {"do": "continue"}

    def stray(self, name: str) -> list[JSON]:
        """A node that nothing leads to: kept, switched off, with all that follows it."""
        scope = Scope()
        steps = self.sequence([name], scope)
        for step in steps:
            if not step.get("disabled"):
                step["disabled"] = True
                text = f"Nothing leads to “{str(step['name'])[:80]}”, so n8n never ran it."
                self.problems.append(
                    Problem("E_UNREACHABLE", text, step=step["key"], hint="Switch it on, or remove it.")
                )
        return steps

    def _back(self, name: str) -> JSON:
        key = self.keys.give(slugify_key(f"back_to_{name}", fallback="back"))
        text = f"The nodes go round in a circle: back to “{harmless(name[:80])}”."
        self.problems.append(Problem("E_CYCLE", text, step=key, hint="Use repeat, or remove this step."))
        return {
            "key": key,
            "name": f"Back to {name[:80]}",
            "action": "fail",
            "with": {"message": text},
            "disabled": True,
        }

    def _too_many(self) -> None:
        text = f"The file makes more than {MOST_STEPS} steps; what comes after was left out."
        if text not in self.warnings:
            self.warnings.append(text)

    # ---- Loops -----------------------------------------------------------------------------------------------

    def _loop(self, key: str, name: str, items: str, body: list[JSON]) -> JSON:
        self.made += 1
        given = self.keys.give(slugify_key(key, fallback="each"))
        return {
            "key": given,
            "name": name[:120],
            "action": "for_each",
            "with": {"items": f"{{{{ {items} }}}}"},
            "do": body,
        }

    def _batches(self, node: Node, scope: Scope, stop: frozenset[str]) -> tuple[list[JSON], list[str]]:
        """Loop over items: one output is the body, which leads back here; the other comes when all are done."""
        body, done = (1, 0) if node.version >= 3 else (0, 1)
        source = scope.source_of(node.name)
        placed = scope.placed.get(source)
        listed = placed.mapped.items if placed and placed.mapped else ""
        scope.enter(node.name, "", passes_on=True)
        inner = scope.inside(loop=source if listed and source not in scope.loops else "")
        steps = self.sequence(self._next(node, inner, body), inner, stop | {node.name})
        after = self._next(node, scope, done)
        if not listed or placed is None or source in scope.loops:
            self.note(
                node, "changed", "", "It went over one thing at a time; here the steps stand one after the other."
            )
            scope.placed.update(inner.placed)
            return steps, after
        loop = self._loop(f"each_{placed.key}", node.name, f"steps.{placed.key}.{listed}", steps)
        self.note(node, "mapped", loop["key"])
        return [loop], after

    def _split(self, node: Node, scope: Scope, stop: frozenset[str]) -> tuple[list[JSON], list[str]]:
        """Split out: what follows runs for each item of a list in one field."""
        name = str(located(node.parameters.get("fieldToSplitOut")) or "")
        path: Path = tuple(part for part in name.removeprefix("=").split(".") if part)
        items = self.resolve(node, "", path, scope) if path and "," not in name and "{{" not in name else None
        if items is None:
            return self._step(node, scope, stop)
        scope.enter(node.name, "", Mapped("", whole=""))
        inner = scope.inside(loop=node.name)
        body = self.sequence(self._next(node, inner), inner, stop)
        loop = self._loop(slugify_key(node.name, fallback="each"), node.name, items, body)
        self.note(node, "mapped", loop["key"])
        return [loop], []

    # ---- Branches --------------------------------------------------------------------------------------------

    def _branch(self, node: Node, scope: Scope, stop: frozenset[str]) -> tuple[list[JSON], list[str]]:
        conditions, reasons = self._conditions(node, scope)
        scope.enter(node.name, "", passes_on=True)
        outputs = self.graph.next.get(node.name, [])
        count = max(len(conditions) + 1, len(outputs)) if node.kind != "filter" else 1
        join = self._join(node.name, len(conditions) + 1, stop)
        within = stop | {join} if join else stop
        ways: list[list[JSON]] = []
        for output in range(count):
            inner = scope.inside()
            ways.append(self.sequence(self._next(node, inner, output), inner, within))
        step = self._nested(node, conditions, ways)
        self._finish(node, step, reasons, [])
        if join:
            scope.before.setdefault(join, node.name)
        return [step], [join] if join else []

    def _nested(self, node: Node, conditions: list[str], ways: list[list[JSON]]) -> JSON:
        """An if, and for a switch of several rules an if in its else."""
        first: JSON = {}
        place = first
        for i, condition in enumerate(conditions or ["false"]):
            key = self.keys.give(slugify_key(node.name if i == 0 else f"{node.name} {i + 1}", fallback="if"))
            title = node.name if i == 0 else f"{node.name} {i + 1}"
            then = ways[i] if i < len(ways) else []
            step: JSON = {
                "key": key,
                "name": title[:120],
                "action": "if",
                "with": {"condition": condition},
                "then": then,
            }
            if i == 0:
                first = place = step
            else:
                place["else"] = [step]
                place = step
        rest = ways[len(conditions or ["false"])] if len(ways) > len(conditions or ["false"]) else []
        if rest:
            place["else"] = rest
        return first

    def _join(self, name: str, ways: int, stop: frozenset[str]) -> str:
        """The first node that every way leads to; "" where one of them ends before."""
        outputs = [[one for one in targets if one not in stop] for targets in self.graph.next.get(name, [])]
        if len(outputs) < max(2, ways) or not all(outputs):
            return ""
        reached = [[one for target in targets for one in self._reach(target)] for targets in outputs]
        common = set(reached[0]).intersection(*reached[1:]) - {name}
        return next((one for one in reached[0] if one in common), "")

    def _conditions(self, node: Node, scope: Scope) -> tuple[list[str], list[str]]:
        """A condition for each output but the last, and what could not be translated (those are false)."""
        found, reasons = [], []
        for value, combine in self._rules(node):
            try:
                found.append(condition_of(value, lambda one: self._operand(node, one, scope), combine))
            except Unproven as unproven:
                found.append("false")
                reasons.append(f"A condition could not be translated: {harmless(str(unproven))[:120]}.")
        if len(found) > MOST_RULES:
            reasons.append(f"It has {len(found)} rules; more than {MOST_RULES} are not mapped.")
        return found[:MOST_RULES], reasons

    def _rules(self, node: Node) -> list[tuple[Any, str]]:
        p = node.parameters
        if node.kind != "switch":
            return [(p.get("conditions"), str(p.get("combineOperation") or ""))]
        rules = p.get("rules")
        listed = (rules.get("values") or rules.get("rules")) if isinstance(rules, dict) else rules
        if not isinstance(listed, list) or not listed:
            return [(None, "")]
        old = [one for one in listed if isinstance(one, dict) and "conditions" not in one]
        if not old:
            return [(one.get("conditions"), "") for one in listed if isinstance(one, dict)]
        left = p.get("value1", p.get("value"))
        return [
            ({"conditions": [{"leftValue": left, "operator": {"operation": one.get("operation") or "equals"},
                              "rightValue": one.get("value2", one.get("value"))}]}, "")
            for one in old
        ]  # fmt: skip

    def _operand(self, node: Node, value: Any, scope: Scope) -> str:
        if not isinstance(value, str) or not value.startswith("="):
            return literal(harmless(value) if isinstance(value, str) else value)
        inner = value[1:].strip()
        if not (inner.startswith("{{") and inner.endswith("}}") and inner.count("{{") == 1):
            if "{{" not in inner:
                return literal(inner)
            raise Unproven(inner)
        found = expression(inner[2:-2].strip(), lambda name, path: self.resolve(node, name, path, scope))
        found = f"{found.removesuffix(' | size')}.size" if found.endswith(" | size") else found
        if "|" in found:
            raise Unproven(inner)
        return found
