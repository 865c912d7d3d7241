"""Liquid templates in a closed environment of ours: no code, no files, no clock, bounded in time and size.

    template = compile("{{ item.subject | truncate: 90 }}")
    template.references()      # what it needs, with places, before anything runs
    template.render(data)      # typed when it is exactly one placeholder, else text

Substituted data is never parsed again.
"""

from orchestrator_site.lib.templating.environment import TAGS
from orchestrator_site.lib.templating.filters import FILTERS
from orchestrator_site.lib.templating.limits import MAX_OUTPUT, MAX_SOURCE
from orchestrator_site.lib.templating.paths import evaluate_path, path_text
from orchestrator_site.lib.templating.problems import TemplateProblem
from orchestrator_site.lib.templating.references import PSEUDO_FIELDS, Reference
from orchestrator_site.lib.templating.template import Condition, Meter, Template, compile, compile_condition

__all__ = [
    "FILTERS",
    "MAX_OUTPUT",
    "MAX_SOURCE",
    "PSEUDO_FIELDS",
    "TAGS",
    "Condition",
    "Meter",
    "Reference",
    "Template",
    "TemplateProblem",
    "compile",
    "compile_condition",
    "evaluate_path",
    "path_text",
]
