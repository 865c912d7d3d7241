"""All actions of AI, in the order of the catalogue."""

from integrations.ai import writing  # noqa: I001 the order is the catalogue's
from integrations.ai import texts, structured, judging, seeing, turns, vectors, media, models
from integrations.ai.asking import Completion
from integrations.ai.writing import CompleteInput

__all__ = [
    "CompleteInput",
    "Completion",
    "judging",
    "media",
    "models",
    "seeing",
    "structured",
    "texts",
    "turns",
    "vectors",
    "writing",
]
