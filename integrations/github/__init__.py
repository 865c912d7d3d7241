"""GitHub: issues, files and repositories, on github.com or an Enterprise server."""

from integrations.spec import Integration, SecretField

INTEGRATION = Integration(
    slug="github",
    title="GitHub",
    description="Open issues, commit files and list repositories.",
    secrets=(
        SecretField(
            name="token",
            label="Personal access token",
            help="GitHub → Settings → Developer settings → Personal access tokens. A fine-grained token needs the "
            "repository permissions Issues and Contents (read and write); a classic one needs the scope repo.",
            prefixes=("ghp_", "github_pat_", "gho_", "ghs_"),
        ),
    ),
    client="integrations.github.client.connect",
    sandbox="integrations.github.sandbox.connect",
    base_url="https://api.github.com",
    base_url_help="Only for GitHub Enterprise: https://your-host/api/v3",
    keywords=("issue", "repository", "commit", "file", "code", "git"),
)
