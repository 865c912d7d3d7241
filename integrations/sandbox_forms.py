"""What the offline model answers when it is held to a schema: values found in the text itself. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
_NUMBER = re.compile(r"-?\d{1,15}(?:[.,]\d{1,6})?")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}")
_URL = re.compile(r"https?://[^\s<>\"]{1,300}")
_WORD = re.compile(r"[^\W\d_]{3,}")
_POINT = re.compile(r"(?:[-*•]|\d{1,3}[.)])\s+(.{1,500})")
SIGNED = "sandbox model"
LOOKED_AT = 50_000


def extract(text: str, schema: Schema) -> str:
    """An object that follows the schema, filled with what the text says."""
    return json.dumps(_value(schema, "", text[:LOOKED_AT], schema, 0), ensure_ascii=False)


def classify(text: str, categories: list[str], allow_none: bool, instructions: str = "") -> str:
    """The category whose words occur most often; "Name: words" in the instructions gives a category more words."""
    low = text[:LOOKED_AT].lower()
    told = {name: _told(name, instructions[:LOOKED_AT]) for name in categories}
    counts = {name: sum(low.count(word) for word in {*_stems(name), *told[name]}) for name in categories}
    best = max(categories, key=lambda name: (counts[name], -categories.index(name)))
    total = sum(counts.values())
    if not counts[best] and allow_none:
        return _judged(None, 0.5, "none of the categories' words occur in it")
    sure = counts[best] / total if total else 0.3
    why = "its words occur most often" if counts[best] else "it is the first one"
    return _judged(best, round(0.5 + sure / 2, 2) if counts[best] else sure, why)


def _told(name: str, instructions: str) -> list[str]:
    """The longer words after "Name:", to the end of the sentence."""
    _, colon, rest = instructions.lower().partition(f"{name.lower()}:")
    return [word for word in _WORD.findall(rest.partition(".")[0]) if len(word) > 4] if colon else []


def _judged(category: str | None, confidence: float, why: str) -> str:
    reason = f"By the {SIGNED}: {why}."
    return json.dumps({"reason": reason, "category": category, "confidence": confidence}, ensure_ascii=False)


def grade(text: str, scale: int) -> str:
    """A score that grows with the number of different words, up to most of the scale."""
    words = set(_WORD.findall(text[:LOOKED_AT].lower()))
    score = round(min(0.9, 0.3 + len(words) / 100) * scale, 1)
    reason = f"By the {SIGNED}: it uses {len(words)} different words."
    return json.dumps({"reason": reason, "score": score}, ensure_ascii=False)


def _stems(name: str) -> list[str]:
    words = [word.lower() for word in _WORD.findall(name.replace("_", " "))] or [name.lower()]
    return [word[:-1] if word.endswith("s") and len(word) > 4 else word for word in words]


def _value(schema: Schema, name: str, text: str, root: Schema, depth: int) -> Any:
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return _choice(schema["enum"], text)
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return _value(schema[word][0], name, text, root, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = next((k for k in kind if k != "null"), "null") if isinstance(kind, list) else kind
    if kind == "object":
        return _object(schema, text, root, depth)
    if kind == "array":
        return _list(schema, name, text, root, depth)
    return _plain(kind, schema, name, text)


def _resolved(schema: Schema, root: Schema) -> Schema:
    for _ in range(20):
        if not isinstance(schema.get("$ref"), str):
            break
        target = str(schema["$ref"])
        schema = root if target == "#" else root.get("$defs", {}).get(target.rpartition("/")[2], {})
    return schema


def _object(schema: Schema, text: str, root: Schema, depth: int) -> dict[str, Any]:
    found, required = {}, set(schema.get("required", ()))
    for name, part in schema.get("properties", {}).items():
        if depth > 6 and name not in required:
            continue
        found[name] = _value(part, name, text, root, depth + 1)
    return {name: value for name, value in found.items() if value is not None or name in required}


def _list(schema: Schema, name: str, text: str, root: Schema, depth: int) -> list[Any]:
    items = schema.get("items", {"type": "string"})
    inner = _resolved(items, root) if isinstance(items, Mapping) else {"type": "string"}
    count = max(1, int(schema.get("minItems", 1)))
    if inner.get("enum"):
        low = text.lower()
        return [option for option in inner["enum"] if str(option).lower() in low] or list(inner["enum"][:count])
    if inner.get("type") == "string" and (lines := _listed(name, text)):
        return lines[: int(schema.get("maxItems", 50))]
    if inner.get("type") == "string":
        words = list(dict.fromkeys(word for word in re.findall(r"\b[A-Z][\w-]{3,40}", text)))[:5]
        return (words or ["sandbox"])[: int(schema.get("maxItems", 5))] or []
    return [_value(inner, name, text, root, depth + 1)] * count


def _listed(name: str, text: str) -> list[str]:
    """The points of the list under a heading that names the field: "Actions:", then "- one", "- two"."""
    lines = [line.strip() for line in text.splitlines()]
    heading = name.replace("_", " ").lower()
    at = next((i for i, line in enumerate(lines) if line.strip("#*: ").lower() == heading), None)
    found: list[str] = []
    for line in lines[at + 1 :] if at is not None else ():
        point = _POINT.match(line)
        if point is None and (line or found):
            break
        if point is not None:
            found.append(point[1].strip())
    return found


def _choice(options: list[Any], text: str) -> Any:
    low = text.lower()
    return next((option for option in options if str(option).lower() in low), options[0])


def _plain(kind: str, schema: Schema, name: str, text: str) -> Any:
    near = _near(name, text)
    if kind in ("number", "integer"):
        return _number(kind, schema, near or text)
    if kind == "boolean":
        return bool(near)
    if kind == "null":
        return None
    return _text(schema, name, near, text)


def _number(kind: str, schema: Schema, text: str) -> int | float:
    found = _NUMBER.search(text)
    value = float(found.group().replace(",", ".")) if found else 0.0
    value = max(value, float(schema.get("minimum", value)))
    value = min(value, float(schema.get("maximum", value)))
    return int(value) if kind == "integer" else value


def _text(schema: Schema, name: str, near: str, text: str) -> str:
    low = name.lower()
    wanted = f"{schema.get('format', '')} {schema.get('description', '')}".lower()
    for words, pattern in ((("mail",), _MAIL), (("date", "day", "yyyy"), _DATE), (("url", "link"), _URL)):
        if any(word in low or word in wanted for word in words):
            found = pattern.search(near) or pattern.search(text)
            if found:
                return found.group()
            if pattern is _DATE:
                return "2026-01-01"
    sentence = near or next((line.strip() for line in text.splitlines() if line.strip()), "")
    longest = min(200, int(schema.get("maxLength", 200)))
    return (sentence or f"({SIGNED})")[:longest].ljust(int(schema.get("minLength", 0)), ".")


def _near(name: str, text: str) -> str:
    """What stands after the field's name on a line that mentions it: "Amount: 12" gives "12"."""
    words = [word for word in re.split(r"[_\W]+", name.lower()) if len(word) > 2]
    for line in text.splitlines():
        low = line.lower()
        at = max((low.find(word) + len(word) for word in words if word in low), default=-1)
        if at >= 0:
            return line[at:].lstrip(" :=-–").strip() or line.strip()
    return ""
