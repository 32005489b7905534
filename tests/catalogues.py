"""Where the real catalogues are, if they are."""

from __future__ import annotations

import os
from pathlib import Path

SHARED = Path(
    os.environ.get("VITRINA_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data"
).resolve()
