"""Finding out whether a request had its effect, by another request that the step names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integrations.context import Found, LookFor
from integrations.errors import Rejected
from integrations.http import answers
from integrations.http.interface import READ_LIMIT, Answer, HttpClient, Request, full_address
from orchestrator_site.lib.templating import evaluate_path
from orchestrator_site.lib.templating.values import as_text, same

KEY = "{key}"
_NOTHING = object()


@dataclass(frozen=True)
class Check:
    """A GET, and what its answer holds where the change did happen. `{key}` stands for our key of the change."""

    url: str
    path: str
    equals: Any = _NOTHING
    headers: tuple[tuple[str, str], ...] = ()

    def address(self, client: HttpClient, key: str) -> str:
        """The whole address. Raises Rejected."""
        return full_address(client.base_url, self.url.replace(KEY, key), {}, "check_url")

    async def look(self, client: HttpClient, what: LookFor) -> Found | None:
        """Found, or None when it is certainly not there. Raises ServiceError when the answer does not tell."""
        request = Request("GET", self.address(client, what.key), dict(self.headers), limit=READ_LIMIT)
        answer = await client.ask(request)
        if answer.status in (404, 410):
            return None
        if not 200 <= answer.status < 300:
            raise answers.failure(answer)
        shown = answers.fields(answer, "json" if self.path else "auto")
        if self.path and not self._holds(shown["body"], what.key):
            return None
        return _found(answer, shown)

    def _holds(self, body: Any, key: str) -> bool:
        held = evaluate_path(body, self.path, None)
        if self.equals is _NOTHING:
            return held not in (None, False, "", [], {})
        wanted = self.equals.replace(KEY, key) if isinstance(self.equals, str) else self.equals
        return same(held, wanted, lambda units: None) or as_text(held) == as_text(wanted)


def _found(answer: Answer, shown: dict[str, Any]) -> Found:
    """What the check shows stands in for the answer that was lost."""
    name, url = answers.identity(answer, shown["body"])
    return Found(name, url, {**answers.kept(shown, len(answer.content)), "checked": True})


def check_of(url: str, path: str, equals: Any, given: bool) -> Check | None:
    """The check that a step names, or None. Raises Rejected for half of one."""
    if not url:
        if path or given:
            raise Rejected(
                "A check needs an address that is asked.",
                code="E_REQUIRED",
                refused=True,
                hint="Fill in the check address, or empty the other fields of the check.",
            )
        return None
    if given and not path:
        raise Rejected(
            "The check says what to compare with and not where it stands.",
            code="E_REQUIRED",
            refused=True,
            hint="Fill in the path in the answer of the check.",
        )
    return Check(url, path, equals if given else _NOTHING)
