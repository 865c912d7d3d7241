"""Anthropic: the Claude models."""

from integrations.spec import Integration, SecretField

INTEGRATION = Integration(
    slug="anthropic",
    title="Anthropic",
    description="The Claude models of Anthropic.",
    secrets=(
        SecretField(
            name="api_key",
            label="API key",
            help="platform.claude.com → API keys.",
            prefixes=("sk-ant-",),
        ),
    ),
    provides=frozenset({"model"}),
    rank=20,
    client="integrations.anthropic.client.connect",
    sandbox="integrations.anthropic.sandbox.connect",
    base_url="https://api.anthropic.com",
    base_url_help="Only for a proxy that speaks Anthropic's API.",
    asks=("*/messages", "*/messages/count_tokens"),
    keywords=("claude", "llm", "sonnet", "opus", "haiku"),
)
