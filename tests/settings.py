"""Settings of the suite: SQLite in a file, or PostgreSQL with TEST_DB=postgres; everything else as in production."""

import os
import tempfile
from pathlib import Path

_suffix = os.environ.get("AWO_TEST_SUFFIX", "")
_data = Path(tempfile.gettempdir()) / f"awo-tests{('-' + _suffix) if _suffix else ''}"
_data.mkdir(parents=True, exist_ok=True)
os.environ["DATA_DIR"] = str(_data)
for _name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FIELD_KEY", "EMAIL_URL"):
    os.environ.pop(_name, None)

from orchestrator_site.settings import *  # noqa: E402, F403
from orchestrator_site.settings import DATABASES  # noqa: E402

if os.environ.get("TEST_DB") == "postgres":
    from orchestrator_site.lib.database_url import database_config

    DATABASES["default"] = database_config(
        os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"), _data
    )
    DATABASES["default"]["TEST"] = {"NAME": f"test_awo{('_' + _suffix) if _suffix else ''}"}
else:
    DATABASES["default"]["NAME"] = str(_data / "test-source.sqlite3")
    DATABASES["default"]["TEST"] = {"NAME": str(_data / "test.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {
    name: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": name}
    for name in ("default", "shared", "local", "queue")
}
# One process runs many tests and grows; a test's engine must not hold back for it.
ENGINE_MEMORY_MB = 16_000
