"""The door: the first user, sign-in links, invitations, and which way to go afterwards."""

from __future__ import annotations

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.adapter import INVITATION_KEY
from accounts.addresses import client_ip
from accounts.forms import FirstUserForm, LinkRequestForm, PersonForm, WorkspaceForm
from accounts.models import Invitation, Member, User
from accounts.operations.login_links import peek_login_link, request_login_link, use_login_link
from accounts.operations.members import accept_invitation, find_invitation
from accounts.operations.setup import create_first_user, create_user, create_workspace, is_empty
from accounts.responses import stays_here
from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.ratelimit import hit

PER_IP_AND_MINUTE, PER_KEY_AND_FIVE_MINUTES = 30, 3


def start_address(user: User | AnonymousUser) -> str:
    """Where `/` leads: to the workspace used last, the list, the sign-in page, or the welcome of an empty instance."""
    if not user.is_authenticated:
        return reverse("first_user") if is_empty() else reverse(settings.LOGIN_URL)
    member = Member.home_of(user)
    return reverse("home", kwargs={"workspace": member.workspace.slug}) if member else reverse("workspace_list")


def safe_next(request: HttpRequest) -> str:
    """The `next` of a request when it stays on this host, else nothing (security.md S23)."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    return target if stays_here(request, target) else ""


def _limit(request: HttpRequest, what: str, key: str = "") -> None:
    """Raise RateLimited when this address, or this key, asks too often."""
    refused = hit(f"{what}:ip:{client_ip(request)}", PER_IP_AND_MINUTE, 60)
    if key and refused is None:
        refused = hit(f"{what}:key:{key}", PER_KEY_AND_FIVE_MINUTES, 300)
    if refused is not None:
        raise refused


def first_user(request: HttpRequest) -> HttpResponse:
    """Welcome: makes the owner of an empty instance and the first workspace."""
    if not is_empty():
        raise NotFound
    form = FirstUserForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            user, _ = create_first_user(
                data["email"], data["password"], name=data["name"], workspace_name=data["workspace"]
            )
        except UserError as problem:
            form.add_problem(problem)
        else:
            return sign_in(request, user, "first_user")
    return render(request, "accounts/first_user.html", {"form": form}, status=400 if form.errors else 200)


def sign_in(request: HttpRequest, user: User, method: str, next_path: str = "") -> HttpResponse:
    """Sign a proven person in through allauth, so that a second factor is still asked for; the session is a new one."""
    if request.user.is_authenticated:
        logout(request)
    record_authentication(request, user, method=method)
    response = perform_login(request, Login(user=user, redirect_url=next_path or "/"))
    assert isinstance(response, HttpResponse)
    return response


def login_link_request(request: HttpRequest) -> HttpResponse:
    """Ask for a mailed link; the answer is the same for everybody. The signed-in prove themselves with it again."""
    next_path = safe_next(request)
    known = request.user.email if request.user.is_authenticated else ""
    form = LinkRequestForm(request.POST or None, initial={"email": known})
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"].strip().lower()
        _limit(request, "request_login_link", key=email)
        base = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
        request_login_link(email, base_url=base, query=_query(next_path))
        return render(request, "accounts/link_sent.html", {"email": email})
    shown = {"form": form, "next": next_path, "again": bool(known)}
    return render(request, "accounts/link_request.html", shown, status=400 if form.errors else 200)


def _query(next_path: str) -> str:
    from urllib.parse import urlencode

    return f"?{urlencode({'next': next_path})}" if next_path else ""


def login_link(request: HttpRequest, token: str) -> HttpResponse:
    """Opening the link shows a button; only the button signs in, so that mail scanners do not use it up."""
    _limit(request, "use_login_link")
    next_path = safe_next(request)
    try:
        if request.method != "POST":
            user = peek_login_link(token)
            response = render(request, "accounts/link_open.html", {"person": user, "next": next_path})
        else:
            opened = use_login_link(token, ip=client_ip(request))
            response = sign_in(request, opened.user, "login_link", next_path)
    except NotFound as problem:
        response = render(request, "accounts/link_dead.html", {"problem": problem}, status=410)
    response["Referrer-Policy"] = "same-origin"  # no-referrer makes browsers send Origin: null, which CSRF refuses
    response["Cache-Control"] = "no-store"
    return response


def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation: the invited join with one click when signed in, else they say who they are."""
    _limit(request, "invitation")
    try:
        found = find_invitation(token)
    except NotFound as problem:
        return render(request, "accounts/link_dead.html", {"problem": problem, "invitation": True}, status=410)
    request.session[INVITATION_KEY] = token
    if request.user.is_authenticated:
        return _join(request, found)
    if User.objects.filter(email=found.email).exists():
        return render(request, "accounts/invitation_sign_in.html", {"invitation": found, "next": request.path})
    return _register(request, found)


def _join(request: HttpRequest, found: Invitation) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    fits = user.email == found.email
    if request.method == "POST" and fits:
        accept_invitation(found, user)
        request.session.pop(INVITATION_KEY, None)
        return redirect("home", workspace=found.workspace.slug)
    return render(
        request, "accounts/invitation_join.html", {"invitation": found, "fits": fits}, status=200 if fits else 403
    )


def _register(request: HttpRequest, found: Invitation) -> HttpResponse:
    form = PersonForm(request.POST or None)
    if form.is_valid():
        try:
            user = create_user(found.email, form.cleaned_data["password"], name=form.cleaned_data["name"])
            accept_invitation(found, user)
        except UserError as problem:
            form.add_problem(problem)
        else:
            request.session.pop(INVITATION_KEY, None)
            return sign_in(request, user, "invitation")
    shown = {"form": form, "invitation": found}
    return render(request, "accounts/invitation_new.html", shown, status=400 if form.errors else 200)


def workspace_list(request: HttpRequest) -> HttpResponse:
    """The workspaces of the signed-in person."""
    theirs = Member.objects.unscoped("a person's own memberships").filter(user=request.user.pk)
    shown = theirs.select_related("workspace").order_by("workspace__name")
    return render(request, "accounts/workspace_list.html", {"memberships": shown})


def workspace_new(request: HttpRequest) -> HttpResponse:
    """Make another workspace."""
    form = WorkspaceForm(request.POST or None)
    if form.is_valid():
        try:
            made = create_workspace(request.user, form.cleaned_data["name"])  # type: ignore[arg-type]
        except UserError as problem:
            form.add_problem(problem)
        else:
            messages.success(request, f"{made.name} is yours. It is empty; connect a service or start with an example.")
            return redirect("home", workspace=made.slug)
    return render(request, "accounts/workspace_new.html", {"form": form}, status=400 if form.errors else 200)
