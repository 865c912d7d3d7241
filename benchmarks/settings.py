"""The product's settings, with its own upstream allowed as an address."""

from orchestrator_site.settings import *  # noqa: F403

ALLOW_PRIVATE_HOSTS = ["127.0.0.1:9470"]
EXTRA_INTEGRATIONS = ["tests.fakes.integration"]
