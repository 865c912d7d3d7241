"""Gmail: search and read mail, put it in order, write drafts and send; each with no more permission than it needs."""

from integrations.spec import GuideStep, Integration, OAuthLevel, OAuthSpec, SecretField, Trial

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

GUIDE = (
    GuideStep(
        "Make a project and switch on the Gmail API",
        "console.cloud.google.com → APIs & Services → Library → Gmail API.",
    ),
    GuideStep(
        "Fill in the consent screen",
        "User type “External”; or “Internal” for a Workspace domain of your own: then nothing ends after 7 days.",
        copies=(
            ("App name", "AI Workflow Orchestrator"),
            (
                "What the permissions are for",
                "Reads and answers mail in workflows that our own team builds; nothing is shared with others.",
            ),
        ),
    ),
    GuideStep(
        "Add yourself as a test user",
        "Audience → Test users. Without it Google answers “access blocked”. While the project is in test mode a "
        "sign-in ends after 7 days: tick it below, and you are told before it does.",
    ),
    GuideStep(
        "Make an OAuth client of the kind “Web application” with this redirect address",
        "Exactly like this; localhost is allowed.",
        redirect=True,
    ),
    GuideStep(
        "Copy the client's id and secret to the form below, and connect",
        "Google asks for your consent; back here, a self-test shows three subject lines of the mailbox.",
    ),
)
# Reference: https://developers.google.com/identity/protocols/oauth2#expiration (publishing status “Testing”).
TRIAL = Trial(
    "The Google project is in test mode",
    "Its publishing status is “Testing”: a sign-in ends after 7 days. You are told three days before.",
    7,
    "The Google project is in test mode: 7 days per sign-in.",
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
        console="Google Cloud console",
        guide=GUIDE,
        trial=TRIAL,
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
