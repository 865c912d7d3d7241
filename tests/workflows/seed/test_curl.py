"""The original's own curl lines, verbatim, against the product as `make run` starts it; then all 15 routes."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.product import Product

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")

LOGIN = """curl -X POST http://localhost:8000/auth/login \\
  -H "Content-Type: application/json" \\
  -d '{"user_id": "demo", "password": "demo"}'"""
LIST = """curl http://localhost:8000/workflows \\
  -H "Authorization: Bearer YOUR_TOKEN\""""
EXECUTE = """curl -X POST http://localhost:8000/workflows/execute \\
  -H "Authorization: Bearer YOUR_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "workflow_id": "simple_ai_completion",
    "variables": {"prompt": "Write a haiku about coding"}
  }'"""
SHELL = """TOKEN="YOUR_TOKEN"
curl -X POST http://localhost:8000/workflows/execute \\
     -H "Authorization: Bearer $TOKEN" \\
     -H "Content-Type: application/json" \\
     -d '{
       "workflow_id": "simple_ai_completion",
       "variables": {"prompt": "Write a haiku about AI"}
     }'"""


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    with Product(tmp_path_factory.mktemp("original")) as running:
        yield running


def curl(product, line, token=""):
    """The line as it stands, but for this test's port and token."""
    line = line.replace("http://localhost:8000", product.base).replace("YOUR_TOKEN", token)
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=90, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def token(product):
    answer = json.loads(curl(product, LOGIN))
    assert answer["token_type"] == "bearer"
    return answer["access_token"]


def test_the_old_lines_work_unchanged(product, token):
    listed = {row["id"] for row in json.loads(curl(product, LIST, token))}
    assert {"simple_ai_completion", "email_to_notion", "generate_sop_to_github"} <= listed
    for line in (EXECUTE, SHELL):
        result = json.loads(curl(product, line, token))
        assert result["status"] == "completed", result
        assert result["steps_executed"] == ["generate"] and result["outputs"]["generate"]


def test_the_other_shipped_workflows_run_unedited(product, token):
    for name in ("email_to_notion", "generate_sop_to_github"):
        answer = product.api("POST", "/workflows/execute", {"workflow_id": name}, token=token)
        assert answer.status == 200 and answer.body["status"] == "completed", answer.body
        assert answer.body["errors"] == []


def test_all_fifteen_routes_answer(product, token):
    flow = {"id": "made_here", "name": "Made here", "description": "", "steps": [], "variables": {}}
    prompt = {"id": "made_here", "name": "Made here", "description": "", "user_prompt": "Say {word}"}
    calls = [
        ("GET", "/openapi.json", None), ("GET", "/docs", None), ("GET", "/docs/oauth2-redirect", None),
        ("GET", "/redoc", None), ("GET", "/", None), ("GET", "/health", None),
        ("POST", "/auth/login", {"user_id": "demo", "password": "demo"}),
        ("GET", "/workflows", None), ("POST", "/workflows", flow), ("GET", "/workflows/made_here", None),
        ("POST", "/workflows/execute", {"workflow_id": "made_here"}),
        ("GET", "/prompts", None), ("POST", "/prompts", prompt), ("GET", "/prompts/made_here", None),
        ("DELETE", "/prompts/made_here", None),
    ]  # fmt: skip
    assert len(calls) == 15
    for method, path, body in calls:
        data = f"-H 'Content-Type: application/json' -d '{json.dumps(body)}'" if body else ""
        line = f"curl -s -o /dev/null -w '%{{http_code}}' -X {method} http://localhost:8000{path} {data}"
        assert curl(product, f'{line} -H "Authorization: Bearer YOUR_TOKEN"', token) == "200", (method, path)
