"""Prompts in the admin."""

from __future__ import annotations

import pytest
from django.test import Client

from prompts.models import Prompt
from prompts.operations import library
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

INLINE = {
    "labels-TOTAL_FORMS": "0",
    "labels-INITIAL_FORMS": "0",
    "labels-MIN_NUM_FORMS": "0",
    "labels-MAX_NUM_FORMS": "0",
}


@pytest.fixture
def browser(db):
    client = Client()
    root = UserFactory(is_staff=True, is_superuser=True, name="Rita Root")
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_save_makes_a_new_version(browser, prompt):
    path = f"/admin/prompts/prompt/{prompt.pk}/change/"
    assert browser.get(path).status_code == 200
    data = {
        "name": "Greeting",
        "description": "",
        "user_template": "Hello {{ name }}",
        "note": "admin",
        "base": "2",
        **INLINE,
    }
    assert browser.post(path, data).status_code == 302
    assert (library.newest_version(prompt).number, library.newest_version(prompt).note) == (3, "admin")


def test_the_same_checks_hold_and_a_stale_save_is_refused(browser, prompt):
    path = f"/admin/prompts/prompt/{prompt.pk}/change/"
    data = {"name": "Greeting", "user_template": "{{ x", "base": "2", **INLINE}
    assert "never closed" in browser.post(path, data).content.decode()
    data = {"name": "Greeting", "user_template": "x", "base": "1", **INLINE}
    assert "Somebody saved a newer version" in browser.post(path, data).content.decode()
    assert prompt.versions.count() == 2


def test_a_prompt_is_added(browser, workspace):
    data = {"workspace": str(workspace.pk), "slug": "new_one", "name": "New", "user_template": "x {{ y }}", **INLINE}
    response = browser.post("/admin/prompts/prompt/add/", data)
    assert response.status_code == 302, response.context["errors"]
    assert library.newest_version(Prompt.objects.of(workspace).get(slug="new_one")).variables == ["y"]


def test_versions_are_looked_at_only(browser, prompt):
    version = library.newest_version(prompt)
    assert browser.get(f"/admin/prompts/promptversion/{version.pk}/change/").status_code == 200
    assert browser.post(f"/admin/prompts/promptversion/{version.pk}/change/", {"note": "x"}).status_code == 403
    assert browser.post(f"/admin/prompts/promptversion/{version.pk}/delete/", {"post": "yes"}).status_code == 403
