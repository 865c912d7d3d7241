"""Addresses of `accounts`: `public` at the root, `pages` under /w/<workspace>/."""

from __future__ import annotations

from django.urls import path

from accounts.views import door, keys, people

public = [
    path("welcome/", door.first_user, name="first_user"),
    path("sign-in/link/", door.login_link_request, name="login_link_request"),
    path("sign-in/link/<str:token>/", door.login_link, name="login_link"),
    path("invitation/<str:token>/", door.invitation, name="invitation"),
    path("workspaces/", door.workspace_list, name="workspace_list"),
    path("workspaces/new/", door.workspace_new, name="workspace_new"),
]

pages = [
    path("members/", people.members, name="members"),
    path("members/<uuid:pk>/role/", people.member_role, name="member_role"),
    path("members/<uuid:pk>/remove/", people.member_remove, name="member_remove"),
    path("invitations/<uuid:pk>/revoke/", people.invitation_revoke, name="invitation_revoke"),
    path("tokens/", keys.tokens, name="tokens"),
    path("tokens/<uuid:pk>/revoke/", keys.token_revoke, name="token_revoke"),
    path("audit/", keys.audit, name="audit"),
    path("settings/", people.workspace_settings, name="workspace_settings"),
]
