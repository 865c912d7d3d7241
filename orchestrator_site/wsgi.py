"""The WSGI entry point (gunicorn, `manage.py web`)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")
application = get_wsgi_application()

from orchestrator_site.checks import refuse_unsafe_start  # noqa: E402 - settings are loaded by the line above

refuse_unsafe_start()
