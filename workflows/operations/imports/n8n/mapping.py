"""Nodes that have an action of ours: what becomes of their parameters, and how their output is called. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows.operations.imports.n8n.reading import JSON, Node, located


@dataclass
class Mapped:
    """A node as a step. `missing` says what keeps it switched off, `remarks` what is different here.

    `fields` are n8n's names of the output to ours; `whole` is the part of our output that has n8n's own names. Where it
    gives a list, `items` is its field: n8n runs what follows once for each of them.
    """

    action: str
    inputs: JSON = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    whole: str | None = None
    items: str = ""
    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


Reader = Callable[[Node], Mapped | None]
_MAIL = {
    "id": "id", "threadId": "thread_id", "subject": "subject", "Subject": "subject", "snippet": "snippet",
    "text": "text", "textPlain": "text", "textAsHtml": "html", "html": "html", "date": "date",
    "messageId": "message_id",
    "from.value[0].address": "sender.email", "from.value[0].name": "sender.name", "from.text": "sender.email",
    "From": "sender.email", "from": "sender.email", "labelIds": "labels",
}  # fmt: skip
_TEXT = {
    "text": "text", "output": "text", "message.content": "text", "content": "text", "response.text": "text",
    "choices[0].message.content": "text", "choices[0].text": "text", "content[0].text": "text",
    "output[0].content[0].text": "text", "summary": "text", "response": "text",
}  # fmt: skip


def parameter(node: Node, *names: str, usual: Any = "") -> Any:
    """The first of these parameters that is there."""
    found = next((node.parameters[name] for name in names if node.parameters.get(name) not in (None, "")), usual)
    return located(found)


def inner(value: Any, *path: str) -> Any:
    """What stands at a path of names, or None."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return located(value)


def rows_of(value: Any, *path: str) -> list[JSON]:
    """The objects of a list at a path."""
    found = inner(value, *path) if path else value
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


# ---- The web -------------------------------------------------------------------------------------------------


def http(node: Node) -> Mapped:
    """A web request: GET and HEAD read, the rest sends."""
    method = str(parameter(node, "method", "requestMethod", usual="GET")).upper()
    inputs: JSON = {"url": parameter(node, "url")}
    query = _pairs(rows_of(node.parameters, "queryParameters", "parameters"))
    headers = _pairs(rows_of(node.parameters, "headerParameters", "parameters"))
    inputs |= {"query": query} if query else {}
    inputs |= {"headers": headers} if headers else {}
    made = Mapped("http.get", inputs, whole="body")
    if method in ("GET", "HEAD"):
        inputs |= {"method": method} if method == "HEAD" else {}
    else:
        made.action = "http.send"
        inputs |= {"method": method, **_body(node, made)}
    if str(parameter(node, "authentication", usual="none")) not in ("none", ""):
        made.missing.append("It signed in with a credential of n8n: choose a connection, or set the header.")
    return made


def _pairs(rows: list[JSON]) -> JSON:
    return {str(row["name"]): row.get("value", "") for row in rows if row.get("name")}


def _body(node: Node, made: Mapped) -> JSON:
    pairs = _pairs(rows_of(node.parameters, "bodyParameters", "parameters"))
    kind = str(parameter(node, "contentType", "bodyContentType", usual="json"))
    if pairs:
        return {"body_kind": "form" if "form" in kind else "json", "body": pairs}
    text = parameter(node, "jsonBody", "bodyParametersJson", "body")
    if not text:
        return {"body_kind": "none"}
    if not isinstance(text, str):
        return {"body_kind": "json", "body": text}
    found = json_of(text)
    if found is None:
        made.remarks.append("The body is sent as text, as it was written.")
        return {"body_kind": "text", "body": text}
    return {"body_kind": "json", "body": found}


def json_of(text: str) -> Any:
    """A JSON text whose texts may hold expressions, as a value; each text in it is an expression of n8n. None: no JSON.

    An expression that stands bare (`"n": {{ $json.n }}`) is a text of its own, and keeps its type.
    """
    source, prefix = (text[1:], "=") if text.startswith("=") else (text, "")
    places: list[str] = []

    def kept(found: re.Match[str]) -> str:
        places.append(found[0])
        return f"\u2061{len(places) - 1}\u2062"

    marked = re.sub(r"\{\{.*?\}\}", kept, source, flags=re.DOTALL)
    quoted = re.sub(r"(?<=[:\[,])(\s*)(\u2061\d+\u2062)(?=\s*[,}\]])", r'\1"\2"', marked)
    try:
        value = json.loads(quoted)
    except ValueError:
        return None
    return _put_back(value, places, prefix)


def _put_back(value: Any, places: list[str], prefix: str) -> Any:
    if isinstance(value, str):
        text = re.sub("\u2061(\\d+)\u2062", lambda found: places[int(found[1])], value)
        return f"{prefix}{text}" if text != value else text
    if isinstance(value, list):
        return [_put_back(item, places, prefix) for item in value]
    if isinstance(value, dict):
        return {name: _put_back(item, places, prefix) for name, item in value.items()}
    return value


# ---- Models --------------------------------------------------------------------------------------------------


def model(node: Node) -> Mapped | None:
    """A message to a model, in the forms of several versions."""
    resource = str(parameter(node, "resource", usual="text"))
    operation = str(parameter(node, "operation", usual="message"))
    if resource not in ("text", "chat") or operation not in ("message", "complete", "response"):
        return None
    rows = [
        *rows_of(node.parameters, "messages", "values"),
        *rows_of(node.parameters, "messages", "messageValues"),
        *rows_of(node.parameters, "prompt", "messages"),
        *rows_of(node.parameters, "responses", "values"),
    ]
    system = [row.get("content") or row.get("message") or "" for row in rows if row.get("role") == "system"]
    asked = [row.get("content") or row.get("message") or "" for row in rows if row.get("role") != "system"]
    given = inner(node.parameters, "prompt")
    asked += [given] if isinstance(given, str) else []
    return _completion(node, system, asked)


def _completion(node: Node, system: list[Any], asked: list[Any]) -> Mapped:
    made = Mapped("ai.complete", {"prompt": joined(asked)}, fields=_TEXT)
    if not made.inputs["prompt"]:
        made.missing.append("It has no prompt.")
    if system:
        made.inputs["system"] = joined(system)
    options = node.parameters.get("options")
    temperature, tokens = inner(options, "temperature"), inner(options, "maxTokens")
    if isinstance(temperature, int | float) and 0 <= temperature <= 2:
        made.inputs["temperature"] = temperature
    if isinstance(tokens, int) and tokens > 0:
        made.inputs["max_tokens"] = min(tokens, 100_000)
    model = parameter(node, "modelId", "model", "chatModel", usual="")
    if isinstance(model, str) and model and not model.startswith("="):
        made.remarks.append(f"It asked the model {model[:60]}; here the connection's usual model is asked.")
    return made


def joined(texts: list[Any]) -> str:
    """Several texts of n8n as one, which is an expression if one of them is."""
    known = [text for text in texts if isinstance(text, str) and text]
    prefix = "=" if any(text.startswith("=") for text in known) else ""
    return prefix + "\n\n".join(text.removeprefix("=") for text in known)


def chain(node: Node) -> Mapped:
    """A chain with a model."""
    rows = rows_of(node.parameters, "messages", "messageValues")
    system = [row.get("message") or "" for row in rows]
    return _completion(node, system, [parameter(node, "text", "prompt", usual="={{ $json.chatInput }}")])


def agent(node: Node) -> Mapped:
    """An agent, as far as it only answers."""
    system = inner(node.parameters, "options", "systemMessage")
    return _completion(node, [system] if system else [], [parameter(node, "text", usual="={{ $json.chatInput }}")])


def summary(node: Node) -> Mapped:
    """A summarization chain."""
    made = Mapped("ai.summarize", {"text": parameter(node, "text")}, fields=_TEXT)
    if not made.inputs["text"]:
        made.missing.append("Say which text is summarized.")
    return made


_TYPES = {"string": "text", "number": "number", "boolean": "boolean", "date": "date"}


def extract(node: Node) -> Mapped:
    """An information extractor."""
    rows = rows_of(node.parameters, "attributes", "attributes")
    wanted = [
        {
            "name": re.sub(r"\W+", "_", str(row.get("name") or "")).strip("_").lower()[:48],
            "type": _TYPES.get(str(row.get("type") or "string"), "text"),
            "description": str(row.get("description") or "")[:500],
            "required": bool(row.get("required")),
        }
        for row in rows
        if row.get("name")
    ]
    names = {f"output.{row['name']}": f"data.{one['name']}" for row, one in zip(rows, wanted, strict=False)}
    made = Mapped("ai.extract", {"text": parameter(node, "text"), "fields": wanted}, fields=names)
    if not wanted:
        made.missing.append("Say which fields are taken out; n8n's schema is not read.")
    return made


# ---- Mail ----------------------------------------------------------------------------------------------------


def gmail(node: Node) -> Mapped | None:
    """Mail and drafts."""
    resource = str(parameter(node, "resource", usual="message"))
    operation = str(parameter(node, "operation", usual="create" if resource == "draft" else "send"))
    if resource == "draft" and operation == "create":
        to = parameter(node, "sendTo") or inner(node.parameters, "options", "sendTo") or ""
        return _letter(node, "gmail.create_draft", to)
    if resource != "message":
        return None
    message = parameter(node, "messageId")
    simple = {
        "get": ("gmail.get_message", {"id": message}, _MAIL),
        "markAsRead": ("gmail.mark_read", {"message": message}, {}),
        "markAsUnread": ("gmail.mark_unread", {"message": message}, {}),
        "delete": ("gmail.trash", {"message": message}, {}),
        "addLabels": ("gmail.add_labels", {"message": message, "labels": parameter(node, "labelIds", usual=[])}, {}),
        "removeLabels": (
            "gmail.remove_labels",
            {"message": message, "labels": parameter(node, "labelIds", usual=[])},
            {},
        ),
    }
    if operation in simple:
        action, inputs, fields = simple[operation]
        return Mapped(action, inputs, fields=fields)
    if operation == "getAll":
        return _mails(node)
    if operation == "reply":
        made = Mapped("gmail.draft_reply", {"message": message, "text": plain(parameter(node, "message"))})
        made.remarks.append("n8n sent the answer; here it is left as a draft.")
        return made
    return _letter(node, "gmail.send", parameter(node, "sendTo", "toList")) if operation == "send" else None


def _mails(node: Node) -> Mapped:
    query = str(inner(node.parameters, "filters", "q") or "")
    status = str(inner(node.parameters, "filters", "readStatus") or "")
    query = f"{query} is:{status}".strip() if status in ("read", "unread") else query
    limit = 500 if node.parameters.get("returnAll") is True else node.parameters.get("limit", 50)
    inputs: JSON = {"query": query, "limit": min(500, limit) if isinstance(limit, int) else 50}
    return Mapped("gmail.search", inputs, fields=_MAIL, items="messages")


def _letter(node: Node, action: str, to: Any) -> Mapped:
    text, html = parameter(node, "message"), str(parameter(node, "emailType", usual="html")) == "html"
    inputs: JSON = {"to": addresses(to), "subject": parameter(node, "subject"), "text": plain(text) if html else text}
    for ours, theirs in (("cc", "ccList"), ("bcc", "bccList"), ("reply_to", "replyTo")):
        if value := inner(node.parameters, "options", theirs):
            inputs[ours] = addresses(value)
    return Mapped(action, inputs, fields={"id": "id", "threadId": "thread_id"})


def addresses(value: Any) -> list[Any]:
    """Addresses as a list: fixed ones are cut at commas, an expression stays whole."""
    listed = value if isinstance(value, list) else [value]
    found: list[Any] = []
    for one in listed:
        fixed = isinstance(one, str) and "{{" not in one
        found += [part.strip() for part in one.removeprefix("=").split(",") if part.strip()] if fixed else [one]
    return found


def plain(text: Any) -> Any:
    """A text of n8n without tags of HTML, its expressions untouched."""
    if not isinstance(text, str):
        return text
    return re.sub(r"<(?:br|/p|/div|/li|/tr)\s*/?>", "\n", re.sub(r"<(?!br|/p|/div|/li|/tr)/?[a-zA-Z][^<>]*>", "", text))


def smtp(node: Node) -> Mapped:
    """A mail over SMTP."""
    text = parameter(node, "text") or plain(parameter(node, "html"))
    inputs: JSON = {"to": addresses(parameter(node, "toEmail")), "subject": parameter(node, "subject"), "text": text}
    return Mapped("mail.send", inputs, fields={"messageId": "message_id"})


# ---- Data ----------------------------------------------------------------------------------------------------


def edit_fields(node: Node) -> Mapped:
    """Edit fields, called Set in old versions."""
    pairs = {str(row["name"]): row.get("value", "") for row in rows_of(node.parameters, "assignments", "assignments")
             if row.get("name")}  # fmt: skip
    values = node.parameters.get("values")
    for rows in values.values() if isinstance(values, dict) else ():
        pairs |= {str(row["name"]): row.get("value", "") for row in rows_of(rows) if row.get("name")}
    raw = parameter(node, "jsonOutput")
    if not pairs and isinstance(raw, str) and isinstance(found := json_of(raw), dict):
        pairs = found
    made = Mapped("data.set", {"fields": pairs}, fields={name: f"value.{name}" for name in pairs}, whole="value")
    if not pairs:
        made.missing.append("Say which fields are set.")
    return made
