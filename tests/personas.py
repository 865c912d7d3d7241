"""People who do things in tests. `mara = persona(workspace, "editor")`; `mara.client`, `mara.actor`, `mara.api`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.test import Client

from accounts.actor import Actor
from accounts.models import Member, User, Workspace
from accounts.operations.tokens import issue
from accounts.roles import SCOPES
from tests.factories.accounts import MemberFactory, UserFactory, WorkspaceFactory


class ApiClient(Client):
    """A test client that sends a token and speaks JSON."""

    def __init__(self, token: str, **defaults: Any) -> None:
        super().__init__(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False, **defaults)
        self.token = token

    def send(self, method: str, path: str, data: Any = None, **extra: Any) -> Any:
        """Any method, with a JSON body."""
        import json

        body = b"" if data is None else json.dumps(data).encode()
        return self.generic(method.upper(), path, body, content_type="application/json", **extra)

    def post_json(self, path: str, data: Any = None, **extra: Any) -> Any:
        """POST a JSON body."""
        return self.send("POST", path, {} if data is None else data, **extra)

    def put_json(self, path: str, data: Any = None, **extra: Any) -> Any:
        """PUT a JSON body."""
        return self.send("PUT", path, data, **extra)

    def patch_json(self, path: str, data: Any = None, **extra: Any) -> Any:
        """PATCH with a JSON body."""
        return self.send("PATCH", path, data, **extra)


@dataclass
class Persona:
    """A person, in a workspace or outside of it."""

    user: User
    workspace: Workspace
    role: str = ""
    scopes: tuple[str, ...] = field(default=SCOPES)

    @cached_property
    def client(self) -> Client:
        """A browser in which they are signed in."""
        client = Client()
        client.force_login(self.user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    @property
    def member(self) -> Member:
        """Their membership as it is now."""
        return Member.objects.of(self.workspace).select_related("workspace", "user").get(user=self.user)

    @property
    def actor(self) -> Actor:
        """Them, acting in their workspace."""
        return Actor.of_member(self.member, ip="127.0.0.1")

    @cached_property
    def token(self) -> str:
        """The text of a token of theirs with all scopes."""
        return self.make_token(*self.scopes)

    def make_token(self, *scopes: str, days: float = 90) -> str:
        """Another token of theirs."""
        return issue(self.user, self.workspace, name="test", scopes=list(scopes), life=timedelta(days=days))[1]

    @cached_property
    def api(self) -> ApiClient:
        """An API client with a token of theirs."""
        return ApiClient(self.token)

    def path(self, rest: str = "") -> str:
        """An address in their workspace: `mara.path("runs/")`."""
        return f"/w/{self.workspace.slug}/{rest}"


def persona(workspace: Workspace, role: str, name: str = "") -> Persona:
    """A new member of the workspace."""
    shown = {"name": name, "email": f"{name.split()[0].lower()}.{workspace.slug}@example.com"} if name else {}
    return Persona(MemberFactory(workspace=workspace, user=UserFactory(**shown), role=role).user, workspace, role)


def outsider_of(workspace: Workspace) -> Persona:
    """The owner of another workspace, who has no business in this one."""
    del workspace
    elsewhere = WorkspaceFactory()
    return persona(elsewhere, "owner", "Otto Outsider")
