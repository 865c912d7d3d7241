"""The registry finds services by their folder, loads no SDK, and refuses bad ones by name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.conf import settings

from integrations import registry

SDKS = ("openai", "anthropic", "github", "notion_client", "googleapiclient", "aiohttp", "httpx", "httpx2")
MANUAL = Path(settings.BASE_DIR) / "docs" / "integrations.md"


def files_of_the_manual() -> dict[str, str]:
    """The files of the example in docs/integrations.md, by name."""
    return dict(re.findall(r"^## `([\w.]+)`.*?\n```python\n(.*?)```", MANUAL.read_text(), re.DOTALL | re.MULTILINE))


@pytest.fixture
def weather(tmp_path, settings, monkeypatch):
    """The example of the manual, in a folder of its own, outside of the product."""
    folder = tmp_path / "weather_example"
    folder.mkdir()
    for name, text in files_of_the_manual().items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.EXTRA_INTEGRATIONS = ["weather_example"]
    yield
    for name in [name for name in sys.modules if name.startswith("weather_example")]:
        del sys.modules[name]


def test_the_services_of_the_first_slice_are_found():
    names = {action.name for action in registry.actions()}
    assert {"ai.complete", "ai.run_prompt", "ai.summarize", "ai.sop", "data.format", "data.extract"} <= names
    assert {"openai", "anthropic", "ai", "data"} <= set(registry.integrations())


def test_no_sdk_is_loaded_with_the_registry():
    code = f"""
        import django, sys
        django.setup()
        from integrations import registry
        registry.load()
        [registry.service_icon(slug) for slug in registry.integrations()]
        print(sorted(set({SDKS!r}) & set(sys.modules)))
    """
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[]"


def test_a_new_service_is_one_folder_and_no_edit_elsewhere(weather):
    assert registry.get_action("weather.now")
    assert "weather" in registry.integrations()
    assert registry.service_icon("weather").startswith("<svg")


@pytest.mark.django_db
def test_the_new_service_is_in_the_catalogue_and_can_be_connected(weather, admin):
    found = admin.api.get("/api/v1/actions?service=weather").json()["results"]
    assert [entry["name"] for entry in found] == ["weather.now"]
    assert found[0]["input_schema"]["properties"]["city"]["title"] == "City"
    made = admin.api.post_json(
        "/api/v1/connections", {"service": "weather", "name": "w", "secret": {"key": "wx_12345678"}}
    )
    assert made.status_code == 201, made.content
    told = admin.api.post_json(f"/api/v1/connections/{made.json()['id']}/test").json()
    assert told == {"ok": True, "summary": "Fine.", "can": ["tell the weather"], "missing": []}


def test_the_new_service_has_a_form_and_a_page_in_the_docs(weather):
    from integrations.docs import page
    from integrations.forms import cleaned_inputs, form_for

    action = registry.get_action("weather.now")
    form = form_for(action, data={"with-city": "{{ inputs.city }}"})
    assert form.is_valid()
    assert cleaned_inputs(form) == {"city": "{{ inputs.city }}"}
    assert "weather.now" in page()


def test_the_suite_takes_the_new_service(weather):
    from tests.integrations.gate import info_of, run_action
    from tests.integrations.suite import check_declaration, check_integration

    check_integration(registry.integrations()["weather"])
    check_declaration(registry.get_action("weather.now"))
    assert run_action("weather.now", {"city": "Oslo"}, info_of("weather", key="wx_1")).output == {"degrees": 4}


def test_a_bad_declaration_is_refused_with_its_module(tmp_path, settings, monkeypatch):
    (tmp_path / "tests_broken.py").write_text(
        "from integrations.spec import Integration\nINTEGRATION = Integration('Not A Slug', '')"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.EXTRA_INTEGRATIONS = ["tests_broken"]
    with pytest.raises(registry.BadIntegration, match="tests_broken"):
        registry.load()


def test_two_services_cannot_share_a_name(tmp_path, settings, monkeypatch):
    (tmp_path / "tests_twin.py").write_text(
        "from integrations.spec import Integration\nINTEGRATION = Integration('data', 'Twin')"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.EXTRA_INTEGRATIONS = ["tests_twin"]
    with pytest.raises(registry.BadIntegration, match="data"):
        registry.load()


def test_an_icon_that_could_run_code_is_not_shown(tmp_path, settings, monkeypatch):
    folder = tmp_path / "tests_icon"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from integrations.spec import Integration\nINTEGRATION = Integration('iconic', 'Iconic')"
    )
    (folder / "icon.svg").write_text("<svg onload='alert(1)'></svg>")
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.EXTRA_INTEGRATIONS = ["tests_icon"]
    assert "alert" not in registry.service_icon("iconic")


def test_a_service_that_cannot_be_loaded_stops_the_start_with_its_name(settings):
    from integrations.checks import services_load

    assert services_load() == []
    settings.EXTRA_INTEGRATIONS = ["not_installed_here"]
    (error,) = services_load()
    assert error.id == "integrations.E001" and "not_installed_here" in error.msg
