"""Workflow files in and out: every dialect of the original and its successors, and our own.

import_workflow(actor, text, publish=True) -> ImportResult(workflow, warnings, problems)
export_workflow(actor, workflow, "seed") -> str
"""

from workflows.operations.imports.detect import detect
from workflows.operations.imports.exporting import FORMATS, MEDIA_TYPES, export_workflow, seed_workflow
from workflows.operations.imports.importing import (
    ImportResult,
    find_original,
    import_file,
    import_workflow,
    import_workflows,
)

__all__ = [
    "FORMATS",
    "MEDIA_TYPES",
    "ImportResult",
    "detect",
    "export_workflow",
    "find_original",
    "import_file",
    "import_workflow",
    "import_workflows",
    "seed_workflow",
]
