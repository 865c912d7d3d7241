"""What the pages of integrations share: the actor, errors at their fields, and proof of who one is."""

from __future__ import annotations

from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.operations.sessions import is_fresh
from accounts.views.fresh import proof_address
from orchestrator_site.lib.errors import Problems, UserError


def crumbs(workspace: str, *places: tuple[str, str, dict[str, str]]) -> list[tuple[str, str]]:
    """Where one is: (label, URL name, further parts of the address)."""
    return [(label, reverse(name, kwargs={"workspace": workspace, **more})) for label, name, more in places]


def add_problem(form: forms.Form, problem: UserError) -> None:
    """Put an error where it belongs: at its field, or above the form."""
    if isinstance(problem, Problems):
        for part in problem.problems:
            _add(form, part.as_dict() if isinstance(part, UserError) else dict(part))
    else:
        _add(form, problem.as_dict())


def _add(form: forms.Form, shown: dict[str, object]) -> None:
    field = str(shown.get("field") or "").replace("secret.", "secret_")
    text = " ".join(str(part) for part in (shown.get("message"), shown.get("hint")) if part)
    form.add_error(field if field in form.fields else None, text)


def prove_first(request: HttpRequest, back: str) -> HttpResponse | None:
    """Where to go to prove who one is, unless that was done a moment ago; afterwards one is brought to `back`."""
    if is_fresh(request):
        return None
    return redirect(f"{proof_address(request).partition('?')[0]}?{urlencode({'next': back})}")
