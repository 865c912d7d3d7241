"""kill -9 of everything `make run` started, and `make run` again: work goes on within 5 s, nothing twice."""

from __future__ import annotations

import time

import pytest

from tests.acceptance.conftest import _connect
from tests.product import Product

pytestmark = [pytest.mark.contract, pytest.mark.faults]


def test_work_goes_on_after_everything_was_killed(tmp_path, contract_server):
    host = contract_server.openai_url.split("/")[2]
    with Product(tmp_path, ALLOW_PRIVATE_HOSTS=host) as product:
        _connect(product, contract_server)
        contract_server.github.add_repository("handbook")
        contract_server.latency["openai"] = 3.0
        contract_server.openai.say("# Procedure\n")
        inputs = {"task_description": "Restart", "repo_name": "octocat/handbook", "file_path": "docs/restart.md"}
        started = product.api(
            "POST", "/api/v1/workflows/generate_sop_to_github/runs", {"inputs": inputs}, Prefer="respond-async"
        )
        assert started.status == 202
        contract_server.journal.wait_for("createResponse", count=1)
        product.kill_everything()
        contract_server.latency.clear()
        contract_server.openai.say("# Procedure\n")
        began = time.time()
        page = product.start()
        asked = contract_server.journal.wait_for("createResponse", count=2)[-1].at - began
        print(f"\nstarted again: the page after {page:.1f} s, the resumed run's request after {asked:.1f} s")
        assert asked < 20, "5 s on an idle machine; this one may be busy"
        run = product.wait_for(started.body["id"], seconds=30)
        assert run["status"] == "succeeded", run
        assert len(contract_server.effects("repos/create-or-update-file-contents")) == 1
