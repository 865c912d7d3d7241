"""Which node is read by what. Pure."""

from __future__ import annotations

from workflows.operations.imports.n8n import mapping, services
from workflows.operations.imports.n8n.mapping import Reader

READERS: dict[str, Reader] = {
    "httprequest": mapping.http,
    "openai": mapping.model,
    "anthropic": mapping.model,
    "chainllm": mapping.chain,
    "agent": mapping.agent,
    "chainsummarization": mapping.summary,
    "informationextractor": mapping.extract,
    "gmail": mapping.gmail,
    "emailsend": mapping.smtp,
    "set": mapping.edit_fields,
    "notion": services.notion,
    "github": services.github,
}
