"""Connecting by consent: the page before, the way to the provider, and what comes back."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.actor import Actor, actor_of
from accounts.models import Member
from integrations import oauth
from integrations.models import Connection
from integrations.operations import connections as operations
from integrations.operations.finding import free_name
from integrations.operations.secrets import get_service
from integrations.spec import Integration, OAuthSpec
from integrations.views.common import crumbs, prove_first
from orchestrator_site.lib import crypto
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import NotFound, UserError

SESSION, MINUTES, AT_ONCE = "oauth_pending", 15, 5


class ConsentForm(forms.Form):
    """The name of the connection and, where the instance has no client of its own, the client to use."""

    name = forms.CharField(max_length=48, label="Name", help_text="Steps name the connection by it.")
    client_id = forms.CharField(max_length=300, label="Client id", help_text="From the provider's console.")
    client_secret = forms.CharField(
        max_length=300, label="Client secret", widget=forms.PasswordInput(attrs={"autocomplete": "off"})
    )

    test_mode = forms.BooleanField(
        required=False,
    )
    level = forms.ChoiceField(label="What steps may do with it", widget=forms.RadioSelect, required=False)

    def __init__(self, *args: Any, spec: OAuthSpec, ready: bool, existing: Connection | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        levels: Any = self.fields["level"]
        levels.choices = [(one.name, f"{one.title}: {' '.join(one.words)}") for one in spec.levels]
        levels.initial = spec.levels[0].name if spec.levels else ""
        if not spec.levels:
            del self.fields["level"]
        if spec.trial:
            self.fields["test_mode"].label, self.fields["test_mode"].help_text = spec.trial.label, spec.trial.help
        else:
            del self.fields["test_mode"]
        if ready:
            del self.fields["client_id"], self.fields["client_secret"]
        if existing:
            del self.fields["name"]


def start(request: HttpRequest, workspace: str, service: str) -> HttpResponse:
    """What will be asked for, in words; a POST remembers the state and leads to the provider."""
    actor = actor_of(request)
    integration, spec = _declared(service)
    existing = _existing(actor, request.GET.get("connection", ""), service)
    ready = oauth.provider_ready(spec.provider)
    initial = {"name": free_name(actor.workspace, service)}
    form = ConsentForm(request.POST or None, initial=initial, spec=spec, ready=ready, existing=existing)
    shown = {"integration": integration, "spec": spec, "form": form, "existing": existing, "ready": ready}
    shown |= {"redirect_uri": _redirect_uri(request), "crumbs": crumbs(workspace, ("Connections", "connections", {}))}
    if request.method == "POST" and form.is_valid():
        if proof := prove_first(request, request.get_full_path()):
            return proof
        url = _remembered(request, actor, integration, form.cleaned_data, existing)
        # A form may only be sent to ourselves (CSP form-action), redirects included: so a page that leads on.
        return render(request, "integrations/oauth_continue.html", {"url": url, "integration": integration})
    return render(request, "integrations/oauth_start.html", shown, status=400 if form.errors else 200)


def callback(request: HttpRequest) -> HttpResponse:
    """What the provider sends a person back with. 400 for a state we did not give out; nothing is stored on a no."""
    pending = _pending(request, request.GET.get("state", ""))
    integration, declared = _declared(pending["service"])
    spec = declared.at(pending.get("level", ""))
    actor = _actor_again(request, pending["workspace"])
    try:
        if error := request.GET.get("error", "")[:60]:
            raise oauth.NotConnected(_refused_words(integration, error), "Connect again when you are ready.")
        made = _stored(request, actor, integration, spec, pending)
    except UserError as problem:
        shown = {"problem": problem, "integration": integration, "workspace_slug": actor.workspace.slug}
        return render(request, "integrations/oauth_failed.html", shown)
    report = operations.test_connection(actor, made)
    proof = operations.prove_connection(actor, made) if report["ok"] else []
    request.session[f"connection_report_{made.pk}"] = {**report, "proof": proof}
    messages.success(request, f"{made.name} is connected.")
    return redirect("connection", workspace=actor.workspace.slug, pk=made.pk)


def _declared(service: str) -> tuple[Integration, OAuthSpec]:
    integration = get_service(service)
    if integration.oauth is None:
        raise NotFound(f"{integration.title} is connected with a key, not by consent.")
    return integration, integration.oauth


def _existing(actor: Actor, pk: str, service: str) -> Connection | None:
    if not pk:
        return None
    try:
        found = operations.get_connection(actor, UUID(pk))
    except ValueError:
        raise NotFound("That connection is not here.") from None
    if found.service != service or found.sandbox:
        raise NotFound("That connection is not here.")
    return found


def _redirect_uri(request: HttpRequest) -> str:
    """Where the provider leads back to: the very origin this person uses, for that is where their session is."""
    return request.build_absolute_uri(reverse("oauth_callback"))


def _remembered(
    request: HttpRequest, actor: Actor, integration: Integration, values: dict[str, Any], existing: Connection | None
) -> str:
    """Keep what the callback needs in this session, the client's secret encrypted; the address to go to."""
    assert integration.oauth
    spec = integration.oauth.at(values.get("level", ""))
    provider, state, verifier = oauth.provider_of(spec), oauth.new_verifier(), oauth.new_verifier()
    client_id = values.get("client_id") or provider.client_id
    sealed = crypto.encrypt(
        {"client_secret": values.get("client_secret") or provider.client_secret, "verifier": verifier},
        binding={"oauth": state, "workspace": str(actor.workspace.pk)},
    )
    uri = _redirect_uri(request)
    waiting = dict(list(request.session.get(SESSION, {}).items())[-(AT_ONCE - 1) :])
    waiting[state] = {
        "service": integration.slug,
        "level": values.get("level", ""),
        "test_mode": bool(values.get("test_mode")),
        "workspace": str(actor.workspace.pk),
        "name": values.get("name", ""),
        "connection": str(existing.pk) if existing else "",
        "client_id": client_id,
        "sealed": sealed,
        "redirect_uri": uri,
        "user": str(request.user.pk),
        "at": now().timestamp(),
    }
    request.session[SESSION] = waiting
    return oauth.consent_url(provider, spec, client_id=client_id, redirect_uri=uri, state=state, verifier=verifier)


def _pending(request: HttpRequest, state: str) -> dict[str, Any]:
    """What was remembered for this state; used up by asking. Raises UserError E_OAUTH_STATE."""
    waiting: dict[str, Any] = dict(request.session.get(SESSION, {}))
    known = next((key for key in waiting if hmac.compare_digest(key.encode(), state.encode())), None)
    found = waiting.pop(known) if known else None
    if known:
        request.session[SESSION] = waiting
    fresh = found is not None and now().timestamp() - float(found["at"]) <= MINUTES * 60
    if found is None or not fresh or found["user"] != str(request.user.pk):
        raise UserError(
            "E_OAUTH_STATE",
            "This answer does not belong to a connection you began here, or it came too late. Nothing was stored.",
            hint="Open Connections and connect again.",
        )
    return {**found, "state": known}


def _actor_again(request: HttpRequest, workspace: str) -> Actor:
    """The actor of the workspace in which it began; the membership may have ended in between."""
    member = Member.objects.of(workspace).select_related("workspace", "user").filter(user=request.user.pk).first()
    if member is None:
        raise NotFound()
    actor = Actor.of_member(member, ip=request.META.get("REMOTE_ADDR"))
    actor.require("connections")
    return actor


def _stored(
    request: HttpRequest, actor: Actor, integration: Integration, spec: OAuthSpec, pending: dict[str, Any]
) -> Connection:
    kept = crypto.decrypt(pending["sealed"], binding={"oauth": pending["state"], "workspace": str(actor.workspace.pk)})
    consented = oauth.exchange(
        oauth.provider_of(spec),
        spec,
        code=request.GET.get("code", ""),
        client_id=pending["client_id"],
        client_secret=kept["client_secret"],
        redirect_uri=pending["redirect_uri"],
        verifier=kept["verifier"],
    )
    if pending["connection"]:
        found = operations.get_connection(actor, UUID(pending["connection"]))
        return operations.update_connection(
            actor, found, secret=consented.secret, consented=True, expires=_ending(consented, spec, pending)
        )
    name = pending["name"] or free_name(actor.workspace, integration.slug)
    return operations.create_connection(
        actor,
        service=integration.slug,
        name=name,
        secret=consented.secret,
        consented=True,
        expires=_ending(consented, spec, pending),
    )


def _ending(consented: oauth.Consented, spec: OAuthSpec, pending: dict[str, Any]) -> tuple[datetime, str] | None:
    """When the sign-in ends: as the provider says, or after the days of its trial where the person said so."""
    if consented.seconds is not None:
        return now() + timedelta(seconds=consented.seconds), "The provider says when this sign-in ends."
    if spec.trial and pending.get("test_mode"):
        return now() + timedelta(days=spec.trial.days), spec.trial.text
    return None


def _refused_words(integration: Integration, error: str) -> str:
    if error == "access_denied":
        return f"You did not allow it, so {integration.title} is not connected. Nothing was stored."
    return f"{integration.title} is not connected: the provider said “{error}”. Nothing was stored."
