"""The parser of API bodies: JSON through the one input gate. Apart from lib.api, which would be loaded in a circle."""

from __future__ import annotations

import codecs
from typing import Any

from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.parsers import BaseParser

from orchestrator_site.lib.errors import TooLarge, UserError
from orchestrator_site.lib.json import MIB, clean_json


class CleanJSONParser(BaseParser):
    """application/json through `clean_json`; a view may set `max_body` (bytes)."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The body as plain JSON. Raises UserError."""
        context = parser_context or {}
        limit = getattr(context.get("view"), "max_body", MIB)
        _check_charset(media_type or "")
        try:
            raw = stream.read(limit + 1)
        except (UnreadablePostError, OSError):
            raise UserError("E_BODY", "The body ended before it was complete.", field="body") from None
        if len(raw) > limit:
            raise too_large(limit)
        return clean_json(raw, max_bytes=limit, max_string=limit)


def too_large(limit: int) -> TooLarge:
    """413 for a body."""
    return TooLarge(f"The body is larger than {limit:,} bytes.", field="body", limit=limit)


def _check_charset(media_type: str) -> None:
    charset = next(
        (p.split("=", 1)[1].strip(" \"'") for p in media_type.lower().split(";") if "charset=" in p), "utf-8"
    )
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        raise exceptions.UnsupportedMediaType(media_type) from None
    if name not in ("utf-8", "ascii", "utf-8-sig"):
        raise UserError("E_ENCODING", f"Bodies are read as UTF-8, not as {name}.", field="body", hint="Send UTF-8.")
