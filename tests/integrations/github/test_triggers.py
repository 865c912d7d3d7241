"""What GitHub starts runs with, by asking, over the sandbox and the real SDK: each thing once, nothing from before."""

from __future__ import annotations

from typing import Any

import pytest

from integrations import direct
from integrations.errors import RateLimited
from integrations.operations.opening import client_for
from integrations.spec import Polled
from tests.integrations.gate import poll as look

pytestmark = pytest.mark.django_db


def poll(place: Any, kind: str, cursor: Any, **config: Any) -> Polled:
    """One look at a place."""
    return look(f"github.{kind}", place.info, cursor, **{"repository": place.repository, **config})


def send(place: Any, path: str, **body: Any) -> Any:
    """A change by somebody else."""
    return direct.call(
        lambda calls: client_for(place.info, calls).rest("POST", f"/repos/{place.repository}{path}", body=body)
    )


def opened(place: Any, title: str, body: str = "") -> int:
    """An issue by somebody else; its number."""
    return int(place.ask("create_issue", place.repository, title, body, [], []).number)


def put(place: Any, path: str, message: str, branch: str = "main") -> None:
    """A commit by somebody else."""
    place.ask("put_file", place.repository, path, branch, b"x", message, None)


def fresh(place: Any, kind: str, cursor: Any, known: set[str], **config: Any) -> tuple[list[Any], Any]:
    """What a look gives that no earlier one gave, as the engine sees it."""
    polled = poll(place, kind, cursor, **config)
    found = [event.data for event in polled.events if event.key not in known]
    known |= {event.key for event in polled.events}
    return found, polled.cursor


def test_issues_and_comments_come_once_and_nothing_from_before(place):
    old = opened(place, "Old")
    cursor, known = poll(place, "new_issue", None).cursor, set[str]()
    talk, heard = poll(place, "new_comment", None).cursor, set[str]()
    opened(place, "First", "Help")
    opened(place, "Second")
    found, cursor = fresh(place, "new_issue", cursor, known)
    assert [issue["title"] for issue in found] == ["First", "Second"]
    assert found[0]["body"] == "Help" and found[0]["repository"] == place.repository
    assert fresh(place, "new_issue", cursor, known)[0] == []
    send(place, f"/issues/{old}/comments", body="Me too")
    found, talk = fresh(place, "new_comment", talk, heard)
    assert [(comment["number"], comment["body"]) for comment in found] == [(old, "Me too")]
    assert fresh(place, "new_comment", talk, heard)[0] == []


def test_a_pull_request_is_no_issue(place):
    issues, pulls = poll(place, "new_issue", None).cursor, poll(place, "new_pull_request", None).cursor
    address = f"/repos/{place.repository}/git/ref/heads/main"
    head = direct.call(lambda calls: client_for(place.info, calls).rest("GET", address))
    send(place, "/git/refs", ref="refs/heads/fix", sha=head["object"]["sha"])
    put(place, "fix.txt", "Mend it", "fix")
    send(place, "/pulls", title="Mend it", head="fix", base="main", body="")
    found, _ = fresh(place, "new_pull_request", pulls, set())
    assert [(pull["title"], pull["branch"], pull["base"]) for pull in found] == [("Mend it", "fix", "main")]
    assert poll(place, "new_issue", issues).events == []


def test_commits_are_told_by_their_ids_oldest_first(place):
    cursor = poll(place, "new_commit", None).cursor
    assert poll(place, "new_commit", cursor).events == []
    for n in (1, 2):
        put(place, f"n{n}.txt", f"Commit {n}")
    found, cursor = fresh(place, "new_commit", cursor, set())
    assert [commit["message"].split("\n")[0] for commit in found] == ["Commit 1", "Commit 2"]
    assert poll(place, "new_commit", cursor).events == []


def test_releases_once(place):
    cursor = poll(place, "new_release", None).cursor
    send(place, "/releases", tag_name="v1.0.0", name="One", body="First")
    found, cursor = fresh(place, "new_release", cursor, known := set[str]())
    assert [(release["tag"], release["body"]) for release in found] == [("v1.0.0", "First")]
    assert fresh(place, "new_release", cursor, known)[0] == []


def test_a_limit_is_told_with_its_time_and_the_cursor_stays(real, contract):
    cursor = poll(real, "new_issue", None).cursor
    opened(real, "During the limit")
    contract.fail("rate_limited", "issues/list-for-repo", times=1, retry_after=7)
    with pytest.raises(RateLimited) as caught:
        poll(real, "new_issue", cursor)
    assert caught.value.retry_after == 7
    assert [event.data["title"] for event in poll(real, "new_issue", cursor).events] == ["During the limit"]
