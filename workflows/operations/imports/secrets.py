"""Takes secrets out of a file before anything of it is kept. Pure.

Secrets belong to connections; a file that is shared must not carry them (security.md S4, S21).
"""

from __future__ import annotations

import re
from typing import Any

from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.redact import redact

_NAME = re.compile(
    r"(^|[_-])(api[_-]?key|apikey|secret|client[_-]?secret|password|passwd|passphrase|private[_-]?key|authorization|"
    r"credential|credentials|access[_-]?token|refresh[_-]?token|auth[_-]?token|bearer)$|^token$|_token$",
    re.IGNORECASE,
)
_WHOLE = {"connections", "credentials", "secrets"}


def strip_secrets(value: JSONValue) -> tuple[JSONValue, list[str]]:
    """A copy without secrets, and a warning for each place something was taken from."""
    warnings: list[str] = []
    return _strip(value, "", warnings, top=True), warnings


def _strip(value: Any, at: str, warnings: list[str], *, top: bool = False) -> Any:
    if isinstance(value, dict):
        kept = {}
        for name, item in value.items():
            where = f"{at}.{name}" if at else name
            if (top and name in _WHOLE and item) or (_NAME.search(name) and _is_secret(item)):
                warnings.append(f"{where} held a secret and was left out; keep it in a connection.")
            else:
                kept[name] = _strip(item, where, warnings)
        return kept
    if isinstance(value, list):
        return [_strip(item, f"{at}[{i}]", warnings) for i, item in enumerate(value)]
    if isinstance(value, str) and (clean := redact(value)) != value:
        warnings.append(f"{at} held a secret, which was blotted out; keep it in a connection.")
        return clean
    return value


def _is_secret(value: Any) -> bool:
    """A literal text; a placeholder only says where the secret comes from."""
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, str) and bool(value.strip()) and "{{" not in value and "${" not in value
