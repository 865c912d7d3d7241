"""The ASGI entry point, for those who host the web process on an ASGI server (`manage.py web` uses WSGI)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")
application = get_asgi_application()

from orchestrator_site.checks import refuse_unsafe_start  # noqa: E402 - settings are loaded by the line above

refuse_unsafe_start()
