"""A workspace with its sandbox and an engine in this process."""

from tests.workflows.gallery.conftest import engine, somebody, world

__all__ = ["engine", "somebody", "world"]
