"""The elements of the design system as template tags. Words, icons and tones come from `lib.look`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, PasswordInput, Select, SelectMultiple, Textarea
from django.forms.forms import BaseForm
from django.template import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe

from orchestrator_site.lib import clock, look
from orchestrator_site.lib.text import web_address
from orchestrator_site.lib.value_html import value_html

register = template.Library()
register.filter("initials", look.initials)
register.filter("web_address", web_address)

NOTHING = "–"


# ---- Icons and marks -----------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, size: int = 16, label: str = "") -> SafeString:
    """`{% icon "mail" %}`: a drawing of the sprite; hidden from screen readers unless it has a label."""
    return _icon(str(name), size, str(label))


@lru_cache(maxsize=2000)
def _icon(name: str, size: int, label: str) -> SafeString:
    """The same drawing is asked for a hundred times a page."""
    classes = ("icon" if size == 16 else f"icon icon-{size}") + (" icon-spin" if name == look.MOVING else "")
    spoken = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html('<svg class="{}" {}><use href="{}#{}"/></svg>', classes, spoken, static("img/icons.svg"), name)


@register.simple_tag
def badge(word: str, tone: str = "idle", icon_name: str = "", edged: bool = False) -> SafeString:
    """`{% badge "Works" "ok" %}`: icon, word and tint; the icon of the tone unless another is named."""
    drawing = icon(icon_name or look.TONE_ICONS[tone], 14)
    return format_html('<span class="badge tone-{}{}">{}{}</span>', tone, " edged" if edged else "", drawing, word)


def _sign(sign: look.Sign) -> SafeString:
    return badge(sign.word, sign.tone, sign.icon)


@register.simple_tag
def run_badge(status: str, warnings: int = 0, waiting_for: str = "", mode: str = "live") -> SafeString:
    """`{% run_badge run.status run.warning_count waiting_for="you" mode=run.mode %}`."""
    return _sign(look.run_sign(status, warnings, waiting_for, mode))


@register.simple_tag
def effect_badge(state: str) -> SafeString:
    """`{% effect_badge effect.state %}`; also `needs_you` and `planned`."""
    return _sign(look.effect_sign(state))


@register.simple_tag
def step_badge(status: str) -> SafeString:
    """`{% step_badge step.status %}`: icon and word."""
    return _sign(look.step_sign(status))


@register.simple_tag
def step_mark(status: str) -> SafeString:
    """`{% step_mark step.status %}`: the icon alone, for lists; the word is there for screen readers."""
    sign = look.step_sign(status)
    return format_html(
        '<span class="mark tone-{}" title="{}">{}</span>', sign.tone, sign.word, icon(sign.icon, 16, sign.word)
    )


@register.simple_tag
def from_outside() -> SafeString:
    """The mark of a value that came from a mail, an issue, a page, a webhook or a model."""
    return badge("from outside", "need", "shield-half", edged=True)


@cache
def _icon_loader(path: str) -> Callable[[str], str | None]:
    return import_string(path) if path else lambda slug: None


@register.simple_tag
def service_icon(slug: str, size: str = "", model: bool = False) -> SafeString:
    """`{% service_icon "slug" %}`: the neutral tile of a service; size "" (28), "sm" (20) or "lg" (36)."""
    drawing = _icon_loader(getattr(settings, "SERVICE_ICON_LOADER", ""))(slug)
    return _tile(mark_safe(drawing) if drawing else icon("puzzle"), size, model)  # noqa: S308 - a file of our own


@register.simple_tag
def tile(name: str, size: str = "", model: bool = False) -> SafeString:
    """`{% tile "route" %}`: the same tile with an icon of ours, for triggers and control steps."""
    return _tile(icon(name), size, model)


def _tile(drawing: SafeString, size: str, model: bool) -> SafeString:
    classes = f"tile{f' tile-{size}' if size else ''}{' tile-model' if model else ''}"
    return format_html('<span class="{}" aria-hidden="true">{}</span>', classes, drawing)


# ---- Times, numbers, values ----------------------------------------------------------------------------------


@register.simple_tag
def timeago(moment: datetime | None) -> SafeString | str:
    """`{% timeago run.started_at %}`: minutes, then the clock, then the day; the exact time as title."""
    if moment is None:
        return NOTHING
    local = timezone.localtime(moment)
    words = look.age(local, timezone.localtime(clock.now()))
    exact = f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S %Z}"
    return format_html('<time datetime="{}" title="{}" data-ago>{}</time>', local.isoformat(), exact, words)


@register.simple_tag
def money(value: Decimal | float | str | None, decimals: int = 4) -> str:
    """`{% money run.cost_usd %}`; totals take 2 decimals."""
    return look.money(value, decimals)


@register.simple_tag
def duration(seconds: float | None) -> str:
    """`{% duration 91 %}` is `1 min 31 s`."""
    return look.duration(seconds)


@register.simple_tag
def value_block(value: Any) -> SafeString:
    """`{% value_block step.output %}`: a JSON value as keys and values on a sunken ground."""
    shown = value_html(value)
    return shown if isinstance(value, Mapping) and value and "$file" not in value else _boxed(shown)


@register.filter
def as_json(value: Any) -> str:
    """`{{ step.output|as_json }}`: a value as JSON text, for copying."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _boxed(shown: SafeString) -> SafeString:
    return format_html('<div class="value">{}</div>', shown)


# ---- Forms ---------------------------------------------------------------------------------------------------

CONTROL_CLASSES: dict[type, str] = {
    CheckboxInput: "form-check-input",
    SelectMultiple: "form-select",
    Select: "form-select",
    Textarea: "form-control",
}


def _control_class(bound: BoundField) -> str:
    widget = bound.field.widget
    found = next((name for kind, name in CONTROL_CLASSES.items() if isinstance(widget, kind)), "form-control")
    own = widget.attrs.get("class", "")
    return f"{found} {own}".strip()


def _choices(bound: BoundField) -> list[tuple[str, str]]:
    """The controls of a group of radio buttons or checkboxes, each with its label."""
    for choice in bound:
        choice.data["attrs"]["class"] = "form-check-input"
    return [(choice.tag(), choice.choice_label) for choice in bound]


@register.inclusion_tag("elements/field.html")
def field(bound: BoundField, hint: str = "", ends_in: str = "") -> dict[str, Any]:
    """`{% field form.name %}`: label, control, help and error; a stored secret says what it `ends_in`."""
    widget = bound.field.widget
    optional = "" if bound.field.required or isinstance(widget, CheckboxInput) else "optional"
    return {
        "field": bound,
        "control": bound.as_widget(attrs={"class": _control_class(bound)}),
        "choices": _choices(bound) if bound.use_fieldset else [],
        "single": isinstance(widget, CheckboxInput),
        "hint": hint or optional,
        "ends_in": ends_in if isinstance(widget, PasswordInput) else "",
    }


@register.inclusion_tag("elements/input_field.html")
def input_field(bound: BoundField, name: str, toggle: str = "", hint: str = "") -> dict[str, Any]:
    """`{% input_field bound "labels" "As JSON" %}`: an input of a step, with room for what is found while one types.

    `toggle` are the words of a button that shows it the other way; it saves with `plain=<name>`.
    """
    optional = "" if bound.field.required else "optional"
    return {
        "field": bound,
        "control": bound.as_widget(attrs={"class": _control_class(bound)}),
        "grouped": hasattr(bound.field.widget, "shows_rows") and bound.field.widget.shows_rows(bound.value()),
        "hint": hint or optional,
        "name": name,
        "toggle": toggle,
    }


@register.inclusion_tag("elements/form_errors.html")
def form_errors(form: BaseForm) -> dict[str, Any]:
    """`{% form_errors form %}`: what concerns the whole form, and links to the fields when several are wrong."""
    wrong = [bound for bound in form if bound.errors]
    return {"form": form, "wrong": wrong if len(wrong) > 1 or form.non_field_errors() else []}


@register.inclusion_tag("elements/button.html")
def button(
    label: str, href: str = "", kind: str = "", size: str = "", icon_name: str = "", key: str = "", **attributes: Any
) -> dict[str, Any]:
    """`{% button "Dry run" href=url icon_name="flask" %}`: a link where it goes, a button where it acts.

    Kinds: primary, plain, danger, harm; sizes: sm, lg. More attributes: `hx_get=…` becomes `hx-get`.
    """
    named = [(name.replace("_", "-"), value) for name, value in attributes.items()]
    return {"label": label, "href": href, "classes": _classes(kind, size), "icon": icon_name, "key": key, "more": named}


@register.inclusion_tag("elements/post_button.html", takes_context=True)
def post_button(
    context: Context,
    label: str,
    action: str,
    kind: str = "",
    size: str = "",
    icon_name: str = "",
    key: str = "",
    confirm: str = "",
    text: str = "",
    yes: str = "",
    no: str = "",
    **hidden: Any,
) -> dict[str, Any]:
    """`{% post_button "Cancel run…" url confirm="Cancel run 1483?" yes="Cancel the run" no="Keep it running" %}`.

    A form of one button; further names become hidden fields. With `confirm` a dialog asks first.
    """
    ask = {"title": confirm, "text": text, "yes": yes or label, "no": no or "Keep it as it is"} if confirm else None
    shown = {"label": label, "action": action, "classes": _classes(kind, size), "icon": icon_name, "key": key}
    return {**shown, "ask": ask, "hidden": hidden, "csrf_token": context.get("csrf_token"), "harm": kind == "danger"}


def _classes(kind: str, size: str) -> str:
    return " ".join(["btn", *(f"btn-{part}" for part in (kind, size) if part)])


# ---- Blocks --------------------------------------------------------------------------------------------------


@register.simple_block_tag(takes_context=True)
def page_header(
    context: Context,
    content: str,
    title: str,
    note: str = "",
    crumbs: Iterable[tuple[str, str]] = (),
    badges: str = "",
    facts: Iterable[tuple[str, Any]] = (),
    tabs: Iterable[Mapping[str, Any]] = (),
    lede: str = "",
    full: bool = False,
) -> SafeString:
    """`{% page_header "Runs" %}the buttons{% endpage_header %}`: crumbs, title, badges, actions, facts and tabs."""
    parts: dict[str, Any] = {
        "title": title,
        "note": note,
        "crumbs": crumbs,
        "badges": badges,
        "actions": mark_safe(content.strip()),  # noqa: S308 - rendered just now
    }
    parts |= {"facts": facts, "tabs": tabs, "lede": lede, "full": full}
    return render_to_string("elements/page_header.html", parts, request=context.get("request"))


@register.simple_block_tag
def card(
    content: str, title: str = "", note: str = "", link: str = "", url: str = "", flush: bool = False, id: str = ""
) -> SafeString:
    """`{% card "Recent runs" link="All runs" url=… flush=True %}…{% endcard %}`; `flush` for tables and lists."""
    parts = {"title": title, "note": note, "link": link, "url": url, "flush": flush, "content": content, "id": id}
    return render_to_string("elements/card.html", parts)


@register.inclusion_tag("elements/tabs.html")
def tabs(tabs: Iterable[Mapping[str, Any]], label: str = "Views") -> dict[str, Any]:
    """`{% tabs tabs %}`: each {label, url, active, count, urgent}."""
    return {"tabs": tabs, "label": label}
