"""Gmail: search and read mail, with the read-only permission."""

from integrations.spec import Integration, OAuthSpec, SecretField

SCOPE = "https://www.googleapis.com/auth/gmail.readonly"

INTEGRATION = Integration(
    slug="gmail",
    title="Gmail",
    description="Search and read mail. Read-only: nothing is sent or changed.",
    secrets=(
        SecretField(
            name="access_token",
            label="Access token",
            required=False,
            help="Ends after an hour; with a refresh token a new one is fetched by itself.",
            prefixes=("ya29.",),
        ),
        SecretField(
            name="refresh_token",
            label="Refresh token",
            required=False,
            help="Normally filled in by “Connect with Google”.",
            prefixes=("1//",),
        ),
        SecretField(
            name="client_id",
            label="Client id",
            required=False,
            help="Of the Google client that issued the refresh token.",
        ),
        SecretField(name="client_secret", label="Client secret", required=False, prefixes=("GOCSPX-",)),
    ),
    secret_sets=(("access_token",), ("refresh_token", "client_id", "client_secret")),
    oauth=OAuthSpec(
        provider="google",
        scopes=(SCOPE,),
        scope_words=("Read your mail and its settings. Nothing can be sent, changed or deleted.",),
    ),
    client="integrations.gmail.client.connect",
    sandbox="integrations.gmail.sandbox.connect",
    base_url="https://gmail.googleapis.com",
    base_url_help="Only behind a proxy.",
    keywords=("mail", "email", "inbox", "message", "google"),
)
