"""Log lines: one JSON object a line, redacted, with the request's id; no value can forge a line of its own."""

from __future__ import annotations

from typing import Any

import structlog

from orchestrator_site.lib.redact import redact_event


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats a record of `logging` as one line of JSON with secrets removed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper("iso", key="at"),
                structlog.processors.format_exc_info,
                structlog.processors.EventRenamer("message"),
                self.remove_processors_meta,
                redact_event,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ]
        )
