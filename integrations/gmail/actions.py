"""Everything Gmail can do in a step; each module declares its own part."""

from integrations.gmail import organising, reading, writing

__all__ = ["organising", "reading", "writing"]
