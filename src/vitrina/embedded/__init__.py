"""The Postgres of the extra `local`: started on request, shared by all processes."""

from vitrina.embedded.migrate import Migrated, migrate
from vitrina.embedded.server import (
    Server,
    bin_dir,
    first_today,
    home,
    psql_path,
    start,
    status,
    stop,
)

__all__ = [
    "Migrated",
    "Server",
    "bin_dir",
    "first_today",
    "home",
    "migrate",
    "psql_path",
    "start",
    "status",
    "stop",
]
