"""Servers that speak the Model Context Protocol: their tools as actions."""

from integrations.spec import Integration, SecretField

INTEGRATION = Integration(
    slug="mcp",
    title="MCP server",
    description="Tools of any server that speaks the Model Context Protocol over HTTP.",
    secrets=(
        SecretField("token", "Bearer token", required=False, help="Sent as Authorization: Bearer …"),
        SecretField(
            "header_name", "Header name", required=False, shown=True, help="For a key in a header, such as X-Api-Key."
        ),
        SecretField("header_value", "Header value", required=False),
    ),
    client="integrations.mcp.client.connect",
    sandbox="integrations.mcp.sandbox.connect",
    base_url_help="The address of the server, such as https://example.com/mcp.",
    base_url_required=True,
    # All questions go to one address by POST; a call of a tool is held by the client itself (`check_change`).
    asks=("*",),
    rank=210,
    keywords=("model context protocol", "tools", "agent"),
)
