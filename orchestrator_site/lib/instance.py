"""Keys of this installation, made once and kept in DATA_DIR when the environment names none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def instance_secret(data_dir: Path, name: str) -> str:
    """Return the key kept in `data_dir/keys/<name>`, making it (256 bits, readable by its owner only) if absent.

    Two processes that start at once agree on one key: the file is linked into place whole, and the loser reads it.
    """
    folder = data_dir / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    if not path.exists():
        draft = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        draft.write_text(secrets.token_urlsafe(48))
        draft.chmod(0o600)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
