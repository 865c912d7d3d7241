"""Factories of `accounts`: users, workspaces, members, tokens."""

from __future__ import annotations

import factory
from allauth.account.models import EmailAddress
from factory.django import DjangoModelFactory

from accounts.models import Member, User, Workspace

PASSWORD = "correct horse battery staple"


class UserFactory(DjangoModelFactory):
    """A user who signs in with PASSWORD; the address is proven."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"user{n}@example.com")
    name = factory.Sequence(lambda n: f"User {n}")

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        user = model_class.objects.create_user(password=kwargs.pop("password", PASSWORD), **kwargs)
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        return user


class WorkspaceFactory(DjangoModelFactory):
    """An empty workspace without members."""

    class Meta:
        model = Workspace

    slug = factory.Sequence(lambda n: f"workspace_{n}")
    name = factory.Sequence(lambda n: f"Workspace {n}")


class MemberFactory(DjangoModelFactory):
    """A member with a user of their own."""

    class Meta:
        model = Member

    workspace = factory.SubFactory(WorkspaceFactory)
    user = factory.SubFactory(UserFactory)
    role = "editor"
