"""Mail through any SMTP server."""

from integrations.spec import Integration, SecretField

INTEGRATION = Integration(
    slug="mail",
    title="Mail (SMTP)",
    description="Send mail through your own mail server.",
    secrets=(
        SecretField(
            "sender",
            "From",
            shown=True,
            help="The address that mail comes from, such as Ada Lovelace <ada@example.com>.",
        ),
        SecretField("username", "User name", required=False, shown=True, help="Often the whole mail address."),
        SecretField(
            "password", "Password", required=False, help="Many providers want an app password, not that of the account."
        ),
    ),
    client="integrations.mail.client.connect",
    sandbox="integrations.mail.sandbox.connect",
    base_url_help="Server and port: smtp.example.com:587 (STARTTLS, the usual one) or smtp.example.com:465 (TLS).",
    base_url_required=True,
    check_address="integrations.mail.interface.clean_place",
    rank=150,
    keywords=("email", "send", "smtp", "letter", "notify"),
)
