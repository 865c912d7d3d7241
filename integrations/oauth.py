"""The consent dance for a connection: the address to send a person to, and the exchange of the code for tokens.

Apart from sign-in. State lives in the session of the person who began (integrations.views.oauth); PKCE always; the
redirect address is exact; nothing is stored before the tokens are here and hold what was asked for.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from integrations.spec import OAuthSpec
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json
from orchestrator_site.lib.outbound import Call, TransportError, UrlBlocked, check_url, guarded_session
from orchestrator_site.lib.redact import remember

log = logging.getLogger(__name__)
SECONDS = 15.0
LONGEST = 10 * 365 * 24 * 3600


class NotConnected(UserError):
    """The dance ended without a connection: refused, withheld, or an answer that is of no use. Nothing was stored."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__("E_NOT_CONNECTED", message, hint=hint)


@dataclass(frozen=True)
class Provider:
    """Where a provider asks for consent and gives tokens, and the client the instance has there (if any)."""

    title: str
    auth_url: str
    token_url: str
    revoke_url: str
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Consented:
    """What came of a consent: the connection's secret, and after how many seconds it ends (None: not said)."""

    secret: dict[str, str] = field(repr=False)
    seconds: int | None = None


def _google() -> Provider:
    token_url = settings.GOOGLE_TOKEN_URL
    return Provider(
        title="Google",
        auth_url=settings.GOOGLE_AUTH_URL,
        token_url=token_url,
        revoke_url=getattr(settings, "GOOGLE_REVOKE_URL", "") or f"{token_url.rpartition('/')[0]}/revoke",
        client_id=settings.GOOGLE_CLIENT_ID,
        client_secret=settings.GOOGLE_CLIENT_SECRET,
        extra={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "false"},
    )


PROVIDERS: dict[str, Callable[[], Provider]] = {"google": _google}


def provider_of(spec: OAuthSpec) -> Provider:
    """The provider of a declaration. Raises UserError when there is none by that name."""
    make = PROVIDERS.get(spec.provider)
    if make is None:
        raise UserError("E_CHOICE", f"Nobody knows how to ask {spec.provider} for consent.")
    return make()


def provider_ready(name: str) -> bool:
    """Whether the instance has a client of its own there, so that nobody needs to paste one."""
    make = PROVIDERS.get(name)
    return bool(make and make().client_id and make().client_secret)


def new_verifier() -> str:
    """A PKCE verifier, or a state: 43 characters nobody can guess."""
    return secrets.token_urlsafe(32)


def consent_url(
    provider: Provider, spec: OAuthSpec, *, client_id: str, redirect_uri: str, state: str, verifier: str
) -> str:
    """The address of the provider's consent page."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": " ".join(spec.scopes),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **provider.extra,
    }
    return f"{provider.auth_url}?{urlencode(asked)}"


def exchange(
    provider: Provider,
    spec: OAuthSpec,
    *,
    code: str,
    client_id: str,
    client_secret: str,
    redirect_uri: str,
    verifier: str,
) -> Consented:
    """Tokens for a code, and when they end where the provider says so. Raises NotConnected."""
    answer = _post(
        provider,
        provider.token_url,
        {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        },
    )
    tokens = {name: str(answer.get(name) or "") for name in ("access_token", "refresh_token")}
    for token in tokens.values():
        remember(token)
    _check_scopes(provider, spec, answer.get("scope"))
    if not tokens["access_token"] or not tokens["refresh_token"]:
        raise NotConnected(
            f"{provider.title} gave no lasting permission, so the connection would end within the hour.",
            f"Remove this product's access in your {provider.title} account, then connect again.",
        )
    ends = answer.get("refresh_token_expires_in")
    seconds = ends if type(ends) is int and 0 < ends < LONGEST else None
    return Consented({**tokens, "client_id": client_id, "client_secret": client_secret}, seconds)


def revoke(spec: OAuthSpec, secret: Mapping[str, str]) -> bool:
    """Give the permission back when a connection ends; whether the provider confirmed it."""
    token = secret.get("refresh_token") or secret.get("access_token")
    if not token:
        return False
    provider = provider_of(spec)
    try:
        _post(provider, provider.revoke_url, {"token": token})
    except NotConnected as problem:
        log.warning("%s did not confirm that a permission was given back: %s", provider.title, problem)
        return False
    return True


def _check_scopes(provider: Provider, spec: OAuthSpec, granted: Any) -> None:
    """Permissions can be unticked one by one; a connection without what it needs is not stored. Unsaid: all given."""
    given = spec.scopes if granted is None else str(granted).split()
    if withheld := [scope for scope in spec.scopes if scope not in given]:
        raise NotConnected(
            f"{provider.title} did not get your permission for: {', '.join(withheld)}.",
            "Connect again and leave all boxes ticked.",
        )


def _post(provider: Provider, url: str, form: Mapping[str, str]) -> dict[str, Any]:
    try:
        check_url(url, field=None)
        answer = guarded_session(Call(seconds=SECONDS)).post(url, data=dict(form), timeout=SECONDS)
        body = clean_json(answer.content or b"{}", field="answer", repair=True)
    except (TransportError, UrlBlocked) as problem:
        raise NotConnected(
            f"{provider.title} could not be reached: {problem}.", "Try again in a few minutes."
        ) from problem
    except UserError as problem:
        raise NotConnected(f"{provider.title} answered with something unreadable.", "Try again.") from problem
    if answer.status_code != 200 or not isinstance(body, dict):
        raise _refusal(provider, answer.status_code, body)
    return body


def _refusal(provider: Provider, status: int, body: Any) -> NotConnected:
    code = str(body.get("error", "")) if isinstance(body, dict) else ""
    words = {
        "invalid_grant": ("says that this consent is used up or too old.", "Connect again."),
        "invalid_client": ("does not know the client id or its secret.", "Check both in the provider's console."),
        "redirect_uri_mismatch": ("does not know our address.", "Add the redirect address shown on the page."),
    }
    said, hint = words.get(code, (f"said no ({code or status}).", "Try again."))
    return NotConnected(f"{provider.title} {said}", hint)
