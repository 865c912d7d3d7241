"""Values that a workflow keeps from run to run: the last id it saw, a counter, what was done already."""

from integrations.spec import Integration

INTEGRATION = Integration(
    slug="store",
    title="Store",
    description="Keep values from run to run.",
    client="integrations.store.client.connect",
    connection="none",
    undo="integrations.store.undo.RULES",
    keywords=("state", "remember", "memory", "counter", "once", "database", "variable"),
)
