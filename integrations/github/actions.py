"""Everything GitHub can do in a step; each module declares its own part."""

from integrations.github import (
    comments,
    commits,
    files,
    issues,
    labels,
    pulls,
    releases,
    repositories,
    rest,
)

__all__ = [
    "comments",
    "commits",
    "files",
    "issues",
    "labels",
    "pulls",
    "releases",
    "repositories",
    "rest",
]
