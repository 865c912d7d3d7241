"""Refuses to start with settings that are unsafe in production or contradict each other (security.md S27)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

MIN_KEY = 32
_EXAMPLE = re.compile(r"(?i)change.?(me|it|this)|insecure|example|default|your.?(secret|key)|^(secret|password)")


@register(Tags.security)
def settings_hold_together(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """All findings at once, each with what to do."""
    found: list[CheckMessage] = []
    for rule in (*ALWAYS, *(PRODUCTION if settings.PRODUCTION else ())):
        found.extend(rule())
    return found


def _keys_differ() -> Iterator[CheckMessage]:
    if settings.SECRET_KEY in settings.FIELD_KEYS:
        yield Error("SECRET_KEY and FIELD_KEY are the same.", hint="Make a key of its own for each.", id="site.E001")


def _keys_are_long() -> Iterator[CheckMessage]:
    named = [("SECRET_KEY", settings.SECRET_KEY), *[("FIELD_KEY", key) for key in settings.FIELD_KEYS]]
    for name, key in named:
        if len(key) < MIN_KEY or len(set(key)) < 8:
            yield Error(
                f"{name} is too short or too plain.", hint=f"At least {MIN_KEY} random characters.", id="site.E002"
            )


def _proxies_are_addresses() -> Iterator[CheckMessage]:
    for text in settings.TRUSTED_PROXIES:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            yield Error(f"TRUSTED_PROXIES names {text!r}, which is no address or network.", id="site.E003")
        else:
            if network.prefixlen == 0:
                hint = "Name the proxies in front of this instance; anybody else could forge addresses."
                yield Error("TRUSTED_PROXIES names the whole internet.", hint=hint, id="site.E003")


def _google_is_whole() -> Iterator[CheckMessage]:
    if bool(settings.GOOGLE_CLIENT_ID) != bool(settings.GOOGLE_CLIENT_SECRET):
        hint = "Set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET, or neither."
        yield Error("Only half of Google's sign-in is set.", hint=hint, id="site.E004")


def _public_url_is_one() -> Iterator[CheckMessage]:
    if not settings.PUBLIC_URL:
        return
    parts = urlsplit(settings.PUBLIC_URL)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield Error("PUBLIC_URL must look like https://orchestrator.example.com.", id="site.E005")
    elif settings.SECURE_COOKIES and parts.scheme != "https":
        hint = "Use https, or set SECURE_COOKIES=0."
        yield Error("SECURE_COOKIES needs https, and PUBLIC_URL says http.", hint=hint, id="site.E006")


def _keys_are_own() -> Iterator[CheckMessage]:
    for name, keys in (("SECRET_KEY", [settings.SECRET_KEY]), ("FIELD_KEY", settings.FIELD_KEYS)):
        if any(_EXAMPLE.search(key) for key in keys):
            hint = "Make one of your own: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
            yield Error(f"{name} looks like the example of some documentation.", hint=hint, id="site.E014")


def _no_debug() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error("DEBUG is on in production.", hint="Unset DEBUG.", id="site.E010")


def _hosts_are_named() -> Iterator[CheckMessage]:
    loopback = {"localhost", "127.0.0.1", "[::1]"}
    if any(host in ("*", ".") or (host.startswith(".") and "." not in host[1:]) for host in settings.ALLOWED_HOSTS):
        yield Error(
            "ALLOWED_HOSTS is '*' (or all of a top level) in production.",
            hint="Name the hosts it is served from.",
            id="site.E011",
        )
    elif set(settings.ALLOWED_HOSTS) <= loopback:
        yield Warning(
            "ALLOWED_HOSTS names this machine only.", hint="Name the hosts it is served from.", id="site.W011"
        )


def _no_demo() -> Iterator[CheckMessage]:
    if settings.DEMO_LOGIN:
        yield Error(
            "DEMO_LOGIN is on in production: anybody could sign in as demo.", hint="Unset DEMO_LOGIN.", id="site.E012"
        )


def _cookies_are_safe() -> Iterator[CheckMessage]:
    if not settings.SECURE_COOKIES:
        hint = "Unset SECURE_COOKIES, and serve it over https."
        yield Error("SECURE_COOKIES is off in production.", hint=hint, id="site.E013")


ALWAYS: tuple[Callable[[], Iterator[CheckMessage]], ...] = (
    _keys_differ, _keys_are_long, _proxies_are_addresses, _google_is_whole, _public_url_is_one,
)  # fmt: skip
PRODUCTION: tuple[Callable[[], Iterator[CheckMessage]], ...] = (
    _keys_are_own,
    _no_debug,
    _hosts_are_named,
    _no_demo,
    _cookies_are_safe,
)


def refuse_unsafe_start() -> None:
    """For entry points that run no system checks (WSGI, ASGI). Raises ImproperlyConfigured with every finding."""
    errors = [message for message in settings_hold_together() if isinstance(message, Error)]
    if errors:
        raise ImproperlyConfigured("\n".join(f"{error.id}: {error.msg} {error.hint or ''}" for error in errors))
