"""GitHub: issues, pull requests, files, releases and the rest, on github.com or an Enterprise server."""

from integrations.spec import Integration, Limit, SecretField, Signature

INTEGRATION = Integration(
    slug="github",
    title="GitHub",
    description="Issues, pull requests, files, releases and GitHub Actions of your repositories.",
    secrets=(
        SecretField(
            name="token",
            label="Personal access token",
            help="GitHub → Settings → Developer settings → Personal access tokens. A fine-grained token needs the "
            "repository permissions Issues and Contents (read and write), Pull requests and Actions where steps use "
            "them; a classic one needs the scope repo.",
            required=False,
            prefixes=("ghp_", "github_pat_", "gho_", "ghs_"),
        ),
        SecretField(
            name="app_id",
            label="App id",
            required=False,
            help="Instead of a token: a GitHub App of your own. Its id stands in the App's settings.",
        ),
        SecretField(
            name="installation_id",
            label="Installation id",
            required=False,
            help="The number at the end of the address of the installation's settings page.",
        ),
        SecretField(
            name="private_key",
            label="Private key of the App",
            required=False,
            multiline=True,
            help="The whole .pem file that GitHub gave you.",
        ),
    ),
    secret_sets=(("token",), ("app_id", "installation_id", "private_key")),
    client="integrations.github.client.connect",
    sandbox="integrations.github.sandbox.connect",
    base_url="https://api.github.com",
    base_url_help="Only for GitHub Enterprise: https://your-host/api/v3",
    undo="integrations.github.undo.RULES",
    overlay="integrations.github.overlay.Overlay",
    asks=("*/app/installations/*/access_tokens",),
    keywords=("issue", "repository", "commit", "file", "code", "git", "pull request", "release", "actions"),
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    signature=Signature("GitHub", "X-Hub-Signature-256", event_header="X-GitHub-Event"),
    # 5,000 requests an hour; "no more than 80 content-generating requests per minute and 500 per hour":
    # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    limits=(
        Limit(5000, 3600.0, burst=1000),
        Limit(80, 60.0, burst=20, changes=True),
        Limit(500, 3600.0, burst=100, changes=True),
    ),
)
