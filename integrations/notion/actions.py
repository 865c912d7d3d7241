"""Everything Notion can do in a step; each module declares its own part."""

from integrations.notion import comments, files, pages, rows

__all__ = ["comments", "files", "pages", "rows"]
