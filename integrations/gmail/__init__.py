"""Gmail: search and read mail, put it in order, write drafts and send; each with no more permission than it needs."""

from integrations.spec import Integration, OAuthLevel, OAuthSpec, SecretField

ROOT = "https://www.googleapis.com/auth/gmail"
READ = f"{ROOT}.readonly"
# Reference: https://developers.google.com/workspace/gmail/api/auth/scopes. Google has no scope for drafts alone:
# gmail.compose may also send, and gmail.modify may do everything but delete for good.
LEVELS = (
    OAuthLevel("read", "Read", (READ,), ("Read your mail and its settings. Nothing can be sent, changed or deleted.",)),
    OAuthLevel(
        "write",
        "Read, write drafts and send",
        (READ, f"{ROOT}.compose"),
        ("Read your mail and its settings.", "Write drafts and send mail in your name. Nothing else can be changed."),
    ),
    OAuthLevel(
        "organise",
        "All of that, and put mail in order",
        (f"{ROOT}.modify",),
        (
            "Read, write and send mail in your name.",
            "Set labels, archive and move to the trash; never delete for good.",
        ),
    ),
)

INTEGRATION = Integration(
    slug="gmail",
    title="Gmail",
    description="Read mail, put it in order, write drafts, answer and send.",
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
        scopes=LEVELS[0].scopes,
        scope_words=LEVELS[0].words,
        levels=LEVELS,
    ),
    client="integrations.gmail.client.connect",
    sandbox="integrations.gmail.sandbox.connect",
    base_url="https://gmail.googleapis.com",
    base_url_help="Only behind a proxy.",
    undo="integrations.gmail.undo.RULES",
    overlay="integrations.gmail.plans.Overlay",
    asks=("*/token",),  # the token endpoint of Google's sign-in
    keywords=("mail", "email", "inbox", "message", "google", "draft", "send", "reply", "label"),
)
