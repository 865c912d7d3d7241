"""What the prompt pages share."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.actor import Actor


def actor_of(request: HttpRequest) -> Actor:
    """The actor the middleware found."""
    actor = request.actor  # type: ignore[attr-defined]
    assert isinstance(actor, Actor)
    return actor
