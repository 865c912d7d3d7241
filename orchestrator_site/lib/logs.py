"""Log lines: one JSON object a line, redacted, so that no value can forge a line of its own."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


class LineFormatter(logging.Formatter):
    """Formats a record as one line of JSON with secrets removed."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        from orchestrator_site.lib.redact import redact

        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
