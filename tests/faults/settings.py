"""The product's settings for the workers of the fault tests: from the environment, plus the fake service."""

import os

from orchestrator_site.settings import *  # noqa: F403

EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
ALLOW_PRIVATE_HOSTS = os.environ.get("FAKE_HOST", "").split()
