"""The Postgres of the extra `local`: started where it is asked for, shared by every process."""

from vitrina.embedded.server import Server, bin_dir, home, psql_path, start, status, stop

__all__ = ["Server", "bin_dir", "home", "psql_path", "start", "status", "stop"]
