"""DATABASE_URL to Django's DATABASES entry: SQLite in DATA_DIR when empty, PostgreSQL when named."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def database_config(url: str, data_dir: Path) -> dict[str, Any]:
    """Return the database entry for a URL (`sqlite:///path`, `postgres://user:pass@host:port/name?option=value`).

    Raises ValueError for another scheme.
    """
    if not url:
        return _sqlite(data_dir / "orchestrator.sqlite3")
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(Path(unquote(parts.path)))
    if parts.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": dict(parse_qsl(parts.query)),
        }
    raise ValueError(f"DATABASE_URL: {parts.scheme!r} is not known; use sqlite:///… or postgres://…")


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "orchestrator_site.lib.sqlite_backend",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": {"timeout": 10},
    }
