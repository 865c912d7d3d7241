"""What one asks a language model, over any connection that provides one; knows no vendor."""

from integrations.spec import Integration

INTEGRATION = Integration(
    slug="ai",
    title="AI",
    description="Ask a language model: complete a prompt, summarize text, write a procedure.",
    keywords=("llm", "model", "gpt", "claude", "chat", "prompt"),
)
