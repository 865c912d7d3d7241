"""The admin: superusers with a second factor (on this machine, or while developing, without one); no queue inside."""

from __future__ import annotations

from functools import wraps
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from accounts.addresses import is_loopback
from accounts.models import everything

HIDDEN_APPS = ("django_q", "usersessions", "socialaccount", "mfa", "account", "auth", "sessions")


class OrchestratorAdmin(admin.AdminSite):
    """The admin site of this product."""

    site_header = "AI Workflow Orchestrator: administration"
    site_title = "Administration"
    index_title = "This instance"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Superusers only, with a second factor unless they sit at this machine or DEBUG is on."""
        user = request.user
        if not (user.is_authenticated and user.is_active and user.is_superuser):
            return False
        return settings.DEBUG or is_loopback(request) or bool(is_mfa_enabled(user))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """A view that sees every workspace; it is rendered before that ends."""

        @wraps(view)
        def whole(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            with everything("the admin is for whoever runs the instance"):
                response = view(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
                    response.render()
                return response

        return super().admin_view(whole, cacheable)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register models, except those of apps that would go around our operations."""
        models = model_or_iterable if isinstance(model_or_iterable, list | tuple | set) else [model_or_iterable]
        kept = [model for model in models if model._meta.app_label not in HIDDEN_APPS]
        if kept:
            super().register(kept, admin_class, **options)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign-in is allauth's; a superuser without a second factor is sent to set one up."""
        if request.user.is_authenticated and request.user.is_superuser:
            return redirect("mfa_index")
        if request.user.is_authenticated:
            from accounts.responses import not_found

            return not_found(request)
        target = request.GET.get("next") or reverse("admin:index")
        return redirect(f"{reverse('account_login')}?{urlencode({'next': target})}")
