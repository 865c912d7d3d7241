"""The one permission table: URL name × method → what the caller must be allowed to do. Deny by default.

A URL name that is missing here answers 404 to everyone and fails `tests/test_permissions.py`. The values are
`accounts.roles.Permission` names, or: `public` (no sign-in), `signed_in` (any user, no workspace), `staff` (admin).
GET covers HEAD; OPTIONS needs what GET needs, or the first entry where there is no GET.
"""

from __future__ import annotations

READ, RUN, EDIT, DECIDE = "read", "run", "edit", "decide"
CONNECTIONS, MEMBERS, TOKENS, AUDIT, OWN = "connections", "members", "tokens", "audit", "own"
PUBLIC, SIGNED_IN, STAFF = "public", "signed_in", "staff"

Methods = dict[str, str]


def _page(get: str, post: str | None = None) -> Methods:
    return {"GET": get} if post is None else {"GET": get, "POST": post}


def _post(permission: str) -> Methods:
    return {"POST": permission}


PAGES: dict[str, Methods] = {
    # The door
    "root": _page(PUBLIC),
    "healthz": _page(PUBLIC),
    "readyz": _page(PUBLIC),
    "login_link": _page(PUBLIC, PUBLIC),
    "login_link_request": _page(PUBLIC, PUBLIC),
    "first_user": _page(PUBLIC, PUBLIC),
    "invitation": _page(PUBLIC, PUBLIC),
    "workspace_list": _page(SIGNED_IN),
    "workspace_new": _page(SIGNED_IN, SIGNED_IN),
    "oauth_callback": _page(SIGNED_IN),
    "elements": _page(SIGNED_IN),
    # A workspace
    "home": _page(READ),
    "inbox": _page(READ),
    "wait": _page(READ, DECIDE),
    "workflows": _page(READ),
    "workflow_new": _page(EDIT, EDIT),
    "workflow_import": _page(EDIT, EDIT),
    "workflow": _page(READ),
    "workflow_settings": _page(READ, EDIT),
    "workflow_step": _page(READ, EDIT),
    "workflow_step_new": _page(EDIT, EDIT),
    "workflow_step_move": _post(EDIT),
    "workflow_step_remove": _post(EDIT),
    "workflow_step_duplicate": _post(EDIT),
    "workflow_step_switch": _post(EDIT),
    "workflow_step_wrap": _post(EDIT),
    "workflow_step_unwrap": _post(EDIT),
    "workflow_undo": _post(EDIT),
    "workflow_redo": _post(EDIT),
    "workflow_publish": _page(READ, EDIT),
    "workflow_versions": _page(READ),
    "workflow_version": _page(READ),
    "workflow_restore": _post(EDIT),
    "workflow_duplicate": _post(EDIT),
    "workflow_toggle": _post(EDIT),
    "workflow_delete": _post(EDIT),
    "workflow_export": _page(READ),
    "workflow_template": _page(EDIT, EDIT),
    "workflow_imported": _page(READ),
    "workflow_permissions": _page(READ),
    "workflows_export": _page(READ),
    "gallery": _page(READ),
    "gallery_item": _page(READ),
    "gallery_use": _post(EDIT),
    "gallery_try": _post(RUN),
    "gallery_delete": _post(EDIT),
    "workflow_run": _page(RUN, RUN),
    "workflow_batch": _page(RUN, RUN),
    "runs": _page(READ),
    "runs_bulk": _post(RUN),
    "runs_export": _page(READ),
    "runs_compare": _page(READ),
    "run": _page(READ),
    "run_events": _page(READ),
    "run_pause": _post(RUN),
    "run_resume": _post(RUN),
    "run_cancel": _post(RUN),
    "run_event": _post(RUN),
    "run_again": _page(RUN, RUN),
    "run_export": _page(READ),
    "effects": _page(READ),
    "effect_settle": _post(DECIDE),
    "effect_undo": _post(RUN),
    "run_undo": _post(RUN),
    "file": _page(READ),
    "prompts": _page(READ),
    "prompt_new": _page(EDIT, EDIT),
    "prompt_import": _page(EDIT, EDIT),
    "prompt": _page(READ, EDIT),
    "prompt_label": _post(EDIT),
    "prompt_delete": _post(EDIT),
    "action_choices": _page(EDIT),
    "connections": _page(READ),
    "connection_new": _page(CONNECTIONS, CONNECTIONS),
    "connection": _page(READ, CONNECTIONS),
    "connection_test": _post(CONNECTIONS),
    "connection_default": _post(CONNECTIONS),
    "connection_delete": _post(CONNECTIONS),
    "oauth_start": _page(CONNECTIONS, CONNECTIONS),
    "catalogue": _page(READ),
    "catalogue_action": _page(READ),
    "stored": _page(READ),
    "stored_delete": _post(EDIT),
    "stored_clear": _post(EDIT),
    "sandbox": _page(READ),
    "sandbox_service": _page(READ),
    "sandbox_object": _page(READ),
    "sandbox_reset": _post(EDIT),
    "members": _page(READ, MEMBERS),
    "member_role": _post(MEMBERS),
    "member_remove": _post(MEMBERS),
    "invitation_revoke": _post(MEMBERS),
    "tokens": _page(TOKENS, TOKENS),
    "token_revoke": _post(TOKENS),
    "variables": _page(READ, EDIT),
    "variable_delete": _post(EDIT),
    "audit": _page(AUDIT),
    "workspace_settings": _page(READ, OWN),
}

API: dict[str, Methods] = {
    "api:schema": _page(PUBLIC),
    "api:docs": _page(PUBLIC),
    "api:actions": _page(READ),
    "api:action_choices": _page(EDIT),
    "api:connections": {"GET": READ, "POST": CONNECTIONS},
    "api:connection": {"GET": READ, "PATCH": CONNECTIONS, "DELETE": CONNECTIONS},
    "api:connection_test": _post(CONNECTIONS),
    "api:workflows": {"GET": READ, "POST": EDIT},
    "api:workflow": {"GET": READ, "PUT": EDIT, "PATCH": EDIT, "DELETE": EDIT},
    "api:workflow_publish": _post(EDIT),
    "api:workflow_permissions": _page(READ),
    "api:import": _post(EDIT),
    "api:export": _page(READ),
    "api:gallery": {"GET": READ, "POST": EDIT},
    "api:gallery_item": {"GET": READ, "DELETE": EDIT},
    "api:gallery_use": _post(EDIT),
    "api:gallery_try": _post(RUN),
    "api:workflow_versions": _page(READ),
    "api:workflow_version": _page(READ),
    "api:workflow_diff": _page(READ),
    "api:workflow_restore": _post(EDIT),
    "api:workflow_runs": {"GET": READ, "POST": RUN},
    "api:workflow_batch": _post(RUN),
    "api:runs": _page(READ),
    "api:runs_compare": _page(READ),
    "api:runs_cancel": _post(RUN),
    "api:runs_rerun": _post(RUN),
    "api:run": _page(READ),
    "api:run_steps": _page(READ),
    "api:run_effects": _page(READ),
    "api:run_events": {"GET": READ, "POST": RUN},
    "api:run_pause": _post(RUN),
    "api:run_resume": _post(RUN),
    "api:run_cancel": _post(RUN),
    "api:run_rerun": _post(RUN),
    "api:waits": _page(READ),
    "api:wait": _page(READ),
    "api:wait_decide": _post(DECIDE),
    "api:effects": _page(READ),
    "api:effect_settle": _post(DECIDE),
    "api:effect_undo": _post(RUN),
    "api:run_undo": _page(READ, RUN),
    "api:prompts": {"GET": READ, "POST": EDIT},
    "api:prompt": {"GET": READ, "PATCH": EDIT, "DELETE": EDIT},
    "api:prompt_versions": {"GET": READ, "POST": EDIT},
    "api:prompt_render": _post(READ),
    "api:triggers": {"GET": READ, "POST": EDIT},
    "api:trigger_kinds": _page(READ),
    "api:trigger_preview": _post(READ),
    "api:trigger": {"GET": READ, "PATCH": EDIT, "DELETE": EDIT},
    "api:trigger_backfill": _post(RUN),
    "api:usage": _page(READ),
    "api:workers": _page(READ),
    "api:stored": _page(READ),
    "api:stored_value": {"GET": READ, "DELETE": EDIT},
    "api:sandbox_service": _page(READ),
    "api:sandbox_reset": _post(EDIT),
    "api:members": {"GET": READ, "POST": MEMBERS},
    "api:member": {"PATCH": MEMBERS, "DELETE": MEMBERS},
    "api:tokens": {"GET": TOKENS, "POST": TOKENS},
    "api:token": {"DELETE": TOKENS},
    "api:variables": {"GET": READ, "POST": EDIT},
    "api:variable": {"GET": READ, "PUT": EDIT, "DELETE": EDIT},
    "api:audit": _page(AUDIT),
}

# The original product's routes (shared/seed/README.md §1), at the root.
ORIGINAL: dict[str, Methods] = {
    "seed:openapi": _page(PUBLIC),
    "seed:docs": _page(PUBLIC),
    "seed:docs_oauth2": _page(PUBLIC),
    "seed:redoc": _page(PUBLIC),
    "seed:login": _post(PUBLIC),
    "seed:workflows": {"GET": READ, "POST": EDIT},
    "seed:execute": _post(RUN),
    "seed:workflow": _page(READ),
    "seed:prompts": {"GET": READ, "POST": EDIT},
    "seed:prompt": {"GET": READ, "DELETE": EDIT},
    "seed:health": _page(PUBLIC),
}

# For programs that watch the installation, at the root.
WATCHING: dict[str, Methods] = {"watching:metrics": _page(READ)}

TABLE: dict[str, Methods] = {**PAGES, **API, **ORIGINAL, **WATCHING}

# Whole trees that bring their own checks: allauth's pages (public or its own sign-in) and the admin (staff).
# The longest fitting prefix counts: the second factor is asked for before anybody is signed in.
PREFIXES: dict[str, str] = {
    "account_": PUBLIC,
    "socialaccount_": PUBLIC,
    "google_": PUBLIC,
    "mfa_": SIGNED_IN,
    "mfa_authenticate": PUBLIC,
    "usersessions_": SIGNED_IN,
    "admin:": STAFF,
}
