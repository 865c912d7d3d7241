"""API tokens and the audit trail of a workspace."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.actor import actor_of
from accounts.forms import TokenForm
from accounts.operations import tokens as keys
from accounts.operations.trail import list_entries
from accounts.views.fresh import fresh_sign_in
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError

PER_PAGE = 50


@fresh_sign_in
def tokens(request: HttpRequest, workspace: str) -> HttpResponse:
    """The tokens, and a form to make one; its text is shown here, once."""
    actor = actor_of(request)
    form, text = TokenForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            _, text = keys.create_token(actor, data["name"], data["scopes"], data["days"])
        except UserError as problem:
            form.add_problem(problem)
        else:
            form = TokenForm()
    shown = {"form": form, "text": text, "tokens": keys.list_tokens(actor), "now": now(), "all": actor.can("members")}
    response = render(request, "accounts/tokens.html", shown, status=400 if form.errors else 200)
    response["Cache-Control"] = "no-store"
    return response


@fresh_sign_in
def token_revoke(request: HttpRequest, workspace: str, pk: UUID) -> HttpResponse:
    """End a token now."""
    token = keys.revoke_token(actor_of(request), pk)
    messages.success(request, f"The token {token.name} is revoked.")
    return redirect("tokens", workspace=workspace)


def audit(request: HttpRequest, workspace: str) -> HttpResponse:
    """Who did what, when, from where; newest first."""
    actor = actor_of(request)
    filters = {name: request.GET.get(name, "").strip() for name in ("q", "outcome")}
    page = Paginator(list_entries(actor, **filters), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/audit.html", {"page": page, "filters": filters})
