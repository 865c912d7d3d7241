"""Exports of n8n: what maps is mapped, the rest becomes a switched off step that says what is missing.

The format is that of n8n's own "Download" and `export:workflow`: `nodes` with a name, a type and parameters, and
`connections` from name to name. Reference: https://docs.n8n.io/workflows/export-import/
"""

from workflows.operations.imports.n8n.converting import convert
from workflows.operations.imports.n8n.reading import without_credentials

__all__ = ["convert", "without_credentials"]
