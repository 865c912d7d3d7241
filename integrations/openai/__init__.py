"""OpenAI, and every server that speaks its API (Ollama, vLLM, Groq, Cohere …) through `base_url`."""

from integrations.spec import Integration, SecretField

INTEGRATION = Integration(
    slug="openai",
    title="OpenAI",
    description="Models of OpenAI, and of every server that speaks its API.",
    secrets=(
        SecretField(
            name="api_key",
            label="API key",
            help="platform.openai.com → API keys. A compatible server may take any text.",
            prefixes=("sk-",),
        ),
        SecretField(
            name="api",
            label="Interface",
            help="Found out by itself; choose one only where a server does not say what it lacks.",
            required=False,
            shown=True,
            options=(("auto", "Find out"), ("responses", "Responses"), ("chat", "Chat completions")),
        ),
    ),
    provides=frozenset({"model", "embeddings", "moderation", "speech", "images"}),
    rank=10,
    client="integrations.openai.client.connect",
    sandbox="integrations.openai.sandbox.connect",
    base_url="https://api.openai.com/v1",
    base_url_help="Only for compatible servers: the address that ends in /v1.",
    asks=(
        "*/responses",
        "*/chat/completions",
        "*/embeddings",
        "*/moderations",
        "*/audio/transcriptions",
        "*/images/generations",
    ),
    keywords=("gpt", "chatgpt", "llm", "ollama", "groq", "vllm"),
)
