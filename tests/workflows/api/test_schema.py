"""The OpenAPI document: made without complaints, and true to the shapes."""

from __future__ import annotations

import pytest
from django.urls import get_resolver

from workflows.api import bodies


@pytest.fixture
def schema(client, db):
    answer = client.get("/api/v1/schema", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    return answer.json()


def test_the_document_is_made_without_a_warning(capsys, schema):
    said = capsys.readouterr().err
    assert "Warning" not in said and "Error" not in said, said


def test_the_document_is_json_unless_yaml_is_asked_for(client, db):
    assert client.get("/api/v1/schema", headers={"Accept": "*/*"}).json()["openapi"]
    assert client.get("/api/v1/schema", headers={"Accept": "application/yaml"}).content.startswith(b"openapi: ")


def test_every_route_of_the_api_is_described(schema):
    described = {path.rstrip("/") for path in schema["paths"]}
    routes = [pattern.replace("{pk}", "{id}") for _, pattern in _routes()]
    missing = [route for route in routes if route not in described and not route.endswith(("/schema", "/docs"))]
    assert missing == []


def _routes():
    import re

    for entry in get_resolver().url_patterns:
        if str(entry.pattern) == "api/v1/":
            stack = [("/api/v1/", pattern) for pattern in entry.url_patterns]
            while stack:
                prefix, pattern = stack.pop()
                path = prefix + str(pattern.pattern)
                if hasattr(pattern, "url_patterns"):
                    stack += [(path, child) for child in pattern.url_patterns]
                else:
                    yield pattern.name, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def test_the_shapes_of_runs_match_the_document(schema):
    parts = schema["components"]["schemas"]
    for model in (bodies.RunBody, bodies.StepBody, bodies.EffectBody, bodies.WaitBody, bodies.WorkflowBody):
        assert set(parts[model.__name__]["properties"]) == set(model.model_fields)


def test_the_page_of_the_api_is_served_without_a_foreign_address(client, db):
    page = client.get("/api/v1/docs", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert b"cdn" not in page.content and b"https://" not in page.content
