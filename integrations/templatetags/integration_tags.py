"""One tag: a field of a connection's form, with what may be shown of the stored secret."""

from __future__ import annotations

from typing import Any

from django import forms, template
from django.forms import BoundField
from django.utils.safestring import SafeString

from integrations.forms import ConnectionForm
from orchestrator_site.lib.templatetags import elements

register = template.Library()


@register.inclusion_tag("elements/field.html")
def secret_field(form: ConnectionForm, bound: BoundField) -> dict[str, Any]:
    """`{% secret_field form bound %}`: like `field`; a stored secret says what it ends in and can only be replaced."""
    ending = form.stored.get(bound.name.removeprefix("secret_"), "").strip("•")
    if isinstance(bound.field, forms.ChoiceField):
        plain: dict[str, Any] | SafeString = elements.field(bound)
        assert isinstance(plain, dict)
        return plain
    secret = bound.name.removeprefix("secret_") in form.stored
    shown: dict[str, Any] | SafeString = elements.field(
        bound, hint="kept when left empty" if secret else "", ends_in=ending
    )
    assert isinstance(shown, dict)
    return shown
