"""Write tests/data/schema.txt: the schema that this vitrina installs, as text.

tests/sql/test_states.py compares it with a fresh database and with upgraded ones.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from vitrina import embedded
from vitrina.db import schema

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import snapshot  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="vitrina-schema-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        server = embedded.start(home / "server", options={"fsync": "off"})
        try:
            schema.upgrade(server.url())
            text = snapshot.of(server.url())
        finally:
            embedded.stop(home / "server")
    (ROOT / "tests" / "data" / "schema.txt").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
