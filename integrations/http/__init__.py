"""HTTP requests to any service that speaks HTTP; a connection adds a key that only ever goes to its own address."""

from integrations.spec import Integration, SecretField

INTEGRATION = Integration(
    slug="http",
    title="HTTP request",
    description="Ask any service that speaks HTTP, or send something to it.",
    secrets=(
        SecretField("token", "Bearer token", required=False, help="Sent as Authorization: Bearer …"),
        SecretField("username", "User name", required=False, shown=True, help="For basic authentication."),
        SecretField("password", "Password", required=False, help="For basic authentication."),
        SecretField(
            "header_name", "Header name", required=False, shown=True, help="For a key in a header, such as X-Api-Key."
        ),
        SecretField("header_value", "Header value", required=False),
        SecretField(
            "query_name",
            "Parameter name",
            required=False,
            shown=True,
            help="For a key in the address, such as api_key.",
        ),
        SecretField("query_value", "Parameter value", required=False),
    ),
    secret_sets=(
        ("token",),
        ("username", "password"),
        ("header_name", "header_value"),
        ("query_name", "query_value"),
    ),
    client="integrations.http.client.connect",
    sandbox="integrations.http.sandbox.connect",
    base_url_help="Such as https://api.example.com/v1. The key is only ever sent to this host; steps may name paths "
    "below it.",
    base_url_required=True,
    connection="optional",
    rank=200,
    keywords=("request", "rest", "api", "webhook", "url", "fetch", "post", "get"),
)
