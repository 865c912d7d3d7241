"""The admin shows connections without their secret, and changes none."""

from __future__ import annotations

import pytest
from django.test import Client

from integrations.operations.connections import create_connection, seed_sandbox
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db
KEY = "sk-abcdefghijklmnop9f2c"
LIST = "/admin/integrations/connection/"


@pytest.fixture
def browser():
    client = Client()
    client.force_login(
        UserFactory(is_staff=True, is_superuser=True), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def test_a_connection_is_shown_without_its_secret_and_cannot_be_changed(browser, admin):
    made = create_connection(admin.actor, service="openai", name="team", secret={"api_key": KEY})
    path = f"{LIST}{made.pk}/change/"
    for answer in (browser.get(LIST), browser.get(path)):
        shown = answer.content.decode()
        assert "team" in shown and KEY not in shown and made.secret not in shown and made.key_id not in shown
    assert "••••9f2c" in browser.get(path).content.decode()
    assert browser.post(path, {"name": "changed"}).status_code in (403, 404)
    made.refresh_from_db()
    assert made.name == "team"
    assert browser.get(f"{LIST}add/").status_code in (403, 404)


def test_the_sandbox_is_looked_at(browser, workspace):
    seed_sandbox(workspace)
    assert browser.get("/admin/integrations/sandboxobject/").status_code == 200


def test_members_stay_outside(owner):
    assert owner.client.get(LIST).status_code == 404
