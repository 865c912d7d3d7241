"""The engine of this process, if it has one."""

from __future__ import annotations

from workflows.engine.engine import Engine

_engine: Engine | None = None


def start(engine: Engine) -> Engine:
    """Make it the engine of this process and start it."""
    global _engine
    _engine = engine
    return engine.start()


def current() -> Engine | None:
    """The engine, or None in web processes."""
    return _engine


def ring() -> None:
    """Look for work now."""
    if _engine is not None:
        _engine.ring()
