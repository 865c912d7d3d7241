"""The API of members, tokens and the audit trail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.api import bodies
from accounts.models import ApiToken, AuditEntry, Member
from accounts.operations import members, tokens
from accounts.operations.trail import OUTCOMES, list_entries
from orchestrator_site.lib.api import ApiView, CursorPage
from orchestrator_site.lib.body import read_body
from orchestrator_site.lib.clock import moment


def member_json(member: Member) -> dict[str, Any]:
    """A member as the API shows it."""
    return {
        "id": str(member.pk),
        "email": member.user.email,
        "name": member.user.name,
        "role": member.role,
        "joined_at": moment(member.created_at),
    }


def token_json(token: ApiToken) -> dict[str, Any]:
    """A token as the API shows it: never its text, never its hash."""
    return {
        "id": str(token.pk),
        "name": token.name,
        "prefix": token.prefix,
        "user": token.user.email,
        "scopes": token.scopes,
        "created_at": moment(token.created_at),
        "expires_at": moment(token.expires_at),
        "last_used_at": moment(token.last_used_at),
        "last_used_ip": token.last_used_ip,
        "revoked_at": moment(token.revoked_at),
    }


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """An audit entry as the API shows it."""
    return {
        "seq": entry.seq,
        "at": moment(entry.at),
        "actor": entry.actor,
        "token": entry.token_prefix or None,
        "action": entry.action,
        "outcome": entry.outcome,
        "object": {"type": entry.object_type, "id": entry.object_id, "name": entry.object_name},
        "details": entry.details,
        "ip": entry.ip,
        "hash": entry.hash,
    }


class MemberList(ApiView):
    """The members of the workspace."""

    @extend_schema(operation_id="members_list", responses={200: bodies.MemberPage})
    def get(self, request: Request) -> Response:
        """List the members, oldest first."""
        page = CursorPage(ordering=("created_at", "id"))
        shown = page.paginate_queryset(members.list_members(actor_of(request)), request, view=self)
        return page.get_paginated_response([member_json(row) for row in shown])

    @extend_schema(operation_id="members_invite", request=bodies.NewMember, responses={201: bodies.InvitationBody})
    def post(self, request: Request) -> Response:
        """Invite somebody by e-mail; they are a member when they accept. The address of the invitation is said once."""
        values = read_body(request.data, bodies.NewMember)
        base = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
        made, path = members.invite_member(actor_of(request), values.email, values.role, base_url=base)
        shown = {"id": str(made.pk), "email": made.email, "role": made.role, "expires_at": moment(made.expires_at)}
        return Response({**shown, "url": base + path}, status=201)


class MemberDetail(ApiView):
    """One member."""

    @extend_schema(operation_id="members_change", request=bodies.MemberChange, responses={200: bodies.MemberBody})
    def patch(self, request: Request, pk: UUID) -> Response:
        """Give a member another role; never more than your own. The last owner stays owner."""
        actor = actor_of(request)
        members.get_member(actor, pk)
        values = read_body(request.data, bodies.MemberChange)
        return Response(member_json(members.change_role(actor, pk, values.role)))

    @extend_schema(operation_id="members_remove", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Remove a member; their tokens and sessions end."""
        members.remove_member(actor_of(request), pk)
        return Response(status=204)


class TokenList(ApiView):
    """API tokens."""

    @extend_schema(operation_id="tokens_list", responses={200: bodies.TokenPage})
    def get(self, request: Request) -> Response:
        """List tokens, newest first: your own, or all with the permission for members."""
        page = CursorPage(ordering=("-created_at", "-id"))
        shown = page.paginate_queryset(tokens.list_tokens(actor_of(request)), request, view=self)
        return page.get_paginated_response([token_json(row) for row in shown])

    @extend_schema(operation_id="tokens_create", request=bodies.NewToken, responses={201: bodies.MadeToken})
    def post(self, request: Request) -> Response:
        """Make a token. Its text stands in `token` of this answer and nowhere else."""
        values = read_body(request.data, bodies.NewToken)
        token, text = tokens.create_token(actor_of(request), values.name, values.scopes, values.days)
        return Response({**token_json(token), "token": text}, status=201)


class TokenDetail(ApiView):
    """One token."""

    @extend_schema(operation_id="tokens_revoke", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Revoke a token; it is refused from now on."""
        tokens.revoke_token(actor_of(request), pk)
        return Response(status=204)


class AuditTrail(ApiView):
    """The audit trail."""

    @extend_schema(
        operation_id="audit_list",
        parameters=[
            OpenApiParameter("q", str, description="in actor, action or name of the object"),
            OpenApiParameter("action", str, description="exactly this action, e.g. member.role"),
            OpenApiParameter("outcome", str, enum=OUTCOMES),
        ],
        responses={200: bodies.AuditPage},
    )
    def get(self, request: Request) -> Response:
        """List entries, newest first."""
        asked = {name: request.query_params.get(name, "").strip() for name in ("q", "action", "outcome")}
        page = CursorPage(ordering=("-seq",))
        shown = page.paginate_queryset(list_entries(actor_of(request), **asked), request, view=self)
        return page.get_paginated_response([entry_json(row) for row in shown])
