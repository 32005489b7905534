"""Values that travel as JSON."""

from __future__ import annotations

import json
from typing import Any

from psycopg.types import json as driver

from vitrina.errors import InputError


class Jsonb(driver.Jsonb):
    """A value for a parameter of type jsonb. Sending it raises InputError for NaN and infinity."""

    def __init__(self, obj: Any) -> None:
        super().__init__(obj, _dumped)


def _dumped(obj: Any) -> str:
    try:
        return json.dumps(obj, ensure_ascii=False, allow_nan=False)
    except ValueError:  # the database would only speak of the syntax of JSON
        raise InputError("a number is NaN or infinite, which JSON cannot say") from None
