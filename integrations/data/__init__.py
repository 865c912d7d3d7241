"""Text and values of a run put into shape; no connection, nothing leaves."""

from integrations.spec import Integration

INTEGRATION = Integration(
    slug="data",
    title="Data",
    description="Put text and values into shape.",
    keywords=("transform", "format", "template", "extract", "json"),
)
