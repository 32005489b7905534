"""The Postgres of the extra `local`: started on request, shared by all processes."""

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

__all__ = ["Server", "bin_dir", "first_today", "home", "psql_path", "start", "status", "stop"]
