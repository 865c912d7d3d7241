"""One template is both the page and its live fragment: htmx gets the named block, everybody else the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.template.base import Template
from django.template.context import make_context
from django.template.loader_tags import BlockNode
from django.utils.cache import patch_vary_headers


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx asks for a fragment (a boosted link, a restored page or a target of `body` wants the whole)."""
    headers = request.headers
    whole = "true" in (headers.get("HX-Boosted"), headers.get("HX-History-Restore-Request"))
    whole = whole or headers.get("HX-Request-Type") == "full"
    return headers.get("HX-Request") == "true" and not whole


def render_fragment(request: HttpRequest, template_name: str, block: str, context: Mapping[str, Any]) -> str:
    """The block of a template, on its own. Raises LookupError when the template has no such block."""
    template: Template = loader.get_template(template_name).template  # type: ignore[attr-defined]
    blocks: list[Any] = list(template.nodelist.get_nodes_by_type(BlockNode))
    node = next((found for found in blocks if found.name == block), None)
    if node is None:
        raise LookupError(f"{template_name} has no block {block!r}")
    made = make_context(dict(context), request, autoescape=True)
    with made.render_context.push_state(template), made.bind_template(template):
        return str(node.render(made))


def render_page(
    request: HttpRequest, template_name: str, context: Mapping[str, Any], *, fragment: str, status: int = 200
) -> HttpResponse:
    """The whole page, or its block `fragment` when htmx asks."""
    if is_htmx(request):
        text = render_fragment(request, template_name, fragment, context)
    else:
        text = loader.render_to_string(template_name, dict(context), request)
    response = HttpResponse(text, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Request-Type", "HX-Boosted"])
    return response
