"""Workflow files in: every dialect of the original and its successors, and our own. The way out is `exports`.

import_workflow(actor, text, publish=True) -> ImportResult(workflow, warnings, problems)
"""

from workflows.operations.imports.detect import detect
from workflows.operations.imports.importing import (
    ImportResult,
    find_original,
    import_file,
    import_folder,
    import_workflow,
    import_workflows,
)

__all__ = [
    "ImportResult",
    "detect",
    "find_original",
    "import_file",
    "import_folder",
    "import_workflow",
    "import_workflows",
]
