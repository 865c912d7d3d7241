"""The first user of an empty instance, and new workspaces."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from accounts import audit
from accounts.actor import Actor
from accounts.models import Member, User, Workspace
from accounts.text import clean_email, clean_line
from orchestrator_site.lib.errors import Conflict, UserError
from orchestrator_site.lib.names import did_you_mean, slugify_key

_FIRST_USER_LOCK = 7_061_001


def is_empty() -> bool:
    """Whether nobody has ever been let in: then, and only then, the first user may sign up."""
    return not User.objects.exists()


@transaction.atomic
def create_first_user(
    email: str, password: str | None = None, *, name: str = "", workspace_name: str = "Main", superuser: bool = True
) -> tuple[User, Workspace]:
    """Make the owner of an empty instance and a first workspace. Raises Conflict when somebody is there already."""
    _one_at_a_time()
    if not is_empty():
        raise Conflict("This instance has a first user already.", hint="Sign in, or ask a member for an invitation.")
    user = create_user(email, password, name=name, superuser=superuser)
    audit.record_instance("user.first", by=str(user), user=user)
    return user, create_workspace(user, workspace_name)


def _one_at_a_time() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_FIRST_USER_LOCK])


@transaction.atomic
def create_user(email: str, password: str | None = None, *, name: str = "", superuser: bool = False) -> User:
    """Make a user with a checked address and password. Raises UserError; Conflict for a known address."""
    address = clean_email(email)
    shown = clean_line(name, field="name", high=120, low=0)
    if password is not None:
        check_password_rules(password, User(email=address, name=shown))
    if User.objects.filter(email=address).exists():
        raise Conflict(f"There is a user {address} already.", field="email", hint="Sign in with it.")
    make = User.objects.create_superuser if superuser else User.objects.create_user
    user = make(address, password, name=shown)
    EmailAddress.objects.get_or_create(user=user, email=address, defaults={"primary": True, "verified": False})
    return user


def check_password_rules(password: str, user: User | None = None) -> None:
    """Raises UserError (E_PASSWORD) for a password that is too short, too common or like the address."""
    try:
        validate_password(password, user)
    except ValidationError as problem:
        raise UserError(
            "E_PASSWORD",
            " ".join(problem.messages),
            field="password",
            hint="Twelve characters or more; three words do.",
        )


def create_workspace(user: User, name: str, *, slug: str | None = None) -> Workspace:
    """Make a workspace with `user` as its owner; the slug comes from the name."""
    shown = clean_line(name, field="name", high=120)
    for _ in range(20):
        taken = set(Workspace.objects.values_list("slug", flat=True))
        try:
            with transaction.atomic():
                return _write_workspace(user, shown, slug or slugify_key(shown, taken, fallback="workspace"))
        except IntegrityError:
            if slug:
                raise Conflict(f"There is a workspace {slug} already.", field="slug")
    raise Conflict("No free address was found for this workspace.", hint="Choose another name.")


def _write_workspace(user: User, name: str, slug: str) -> Workspace:
    workspace = Workspace.objects.create(slug=slug, name=name)
    member = Member.objects.create(workspace=workspace, user=user, role="owner")
    User.objects.filter(pk=user.pk).update(last_workspace=workspace)
    user.last_workspace = workspace
    audit.record(Actor.of_member(member), "workspace.create", workspace, details={"name": name, "slug": slug})
    return workspace


@transaction.atomic
def set_timezone(actor: Actor, name: str) -> Workspace:
    """Say where the people of the workspace are: dates without a zone mean this one, in runs that begin from now on.

    Raises UserError E_TZ for a name that is none.
    """
    actor.require("own")
    workspace = Workspace.objects.select_for_update().get(pk=actor.workspace.pk)
    before, workspace.timezone = workspace.timezone, check_zone(name)
    if before != workspace.timezone:
        workspace.save(update_fields=["timezone"])
        audit.record(actor, "workspace.timezone", workspace, details={"before": before, "after": workspace.timezone})
    return workspace


def check_zone(name: str) -> str:
    """An IANA name of a time zone. Raises UserError E_TZ with the nearest one."""
    known = zones()
    if name not in known:
        raise UserError(
            "E_TZ", f"There is no time zone “{name[:64]}”.", field="timezone", hint=did_you_mean(name[:64], list(known))
        )
    return name


@cache
def zones() -> tuple[str, ...]:
    """The time zones that this machine knows, by name."""
    return tuple(sorted(name for name in available_timezones() if "/" in name or name == "UTC"))


@transaction.atomic
def rename_workspace(actor: Actor, name: str) -> Workspace:
    """Give the workspace another name; its address stays."""
    actor.require("own")
    workspace = Workspace.objects.select_for_update().get(pk=actor.workspace.pk)
    before, workspace.name = workspace.name, clean_line(name, field="name", high=120)
    if before != workspace.name:
        workspace.save(update_fields=["name"])
        audit.record(actor, "workspace.rename", workspace, details={"before": before, "after": workspace.name})
    return workspace
