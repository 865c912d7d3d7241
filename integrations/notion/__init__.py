"""Notion: pages, databases and search, through an internal integration's token."""

from integrations.spec import Integration, Limit, SecretField, Signature

INTEGRATION = Integration(
    slug="notion",
    title="Notion",
    description="Create pages in databases, append to pages, search.",
    secrets=(
        SecretField(
            name="token",
            label="Integration token",
            help="notion.so/profile/integrations → your integration → Internal integration secret. Then share the "
            "pages it may use: open a page → ••• → Connections → add the integration.",
            prefixes=("ntn_", "secret_"),
        ),
    ),
    client="integrations.notion.client.connect",
    sandbox="integrations.notion.sandbox.connect",
    base_url="https://api.notion.com",
    base_url_help="Only behind a proxy.",
    undo="integrations.notion.undo.RULES",
    overlay="integrations.notion.plans.Overlay",
    asks=("*/v1/search", "*/v1/data_sources/*/query"),
    keywords=("page", "database", "wiki", "notes", "markdown"),
    # https://developers.notion.com/reference/webhooks
    signature=Signature("Notion", "X-Notion-Signature", id_path="id", handshake="verification_token"),
    # "an average of three requests per second. Some bursts beyond the average rate are allowed":
    # https://developers.notion.com/reference/request-limits
    limits=(Limit(180, 60.0, burst=10),),
)
