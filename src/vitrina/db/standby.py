"""A hot standby: whether a database is one, and how far it is behind its primary."""

from __future__ import annotations

from dataclasses import dataclass

from vitrina.db.database import Database
from vitrina.errors import VitrinaError

LATE_SECONDS = 60.0
STANDBY = """\
select pg_last_wal_replay_lsn()::text as replayed,
       exists (select from pg_stat_wal_receiver) as follows,
       case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
                and exists (select from pg_stat_wal_receiver) then 0
            else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())
       end::float8 as seconds
where pg_is_in_recovery()
"""


@dataclass(frozen=True, slots=True)
class Standby:
    """How far a hot standby is behind.

    `seconds` is the age of what it shows: 0 if it has replayed all that it received, None if it has
    replayed no transaction yet. `bytes` are those of the log that it lacks, None if the primary
    cannot be asked. `follows`: it is connected to its primary; a standby that is not may be behind
    without end.
    """

    seconds: float | None
    bytes: int | None
    follows: bool

    @property
    def late(self) -> bool:
        """Whether it is not connected, or a minute or more behind."""
        return not self.follows or self.seconds is None or self.seconds >= LATE_SECONDS

    @property
    def said(self) -> str:
        """This in a few words."""
        age = "by an unknown time" if self.seconds is None else f"by {self.seconds:,.1f} s"
        much = "" if self.bytes is None else f", {self.bytes:,} bytes of the log"
        cut = "" if self.follows else "; it is not connected to its primary"
        if self.seconds == 0 and not self.bytes and self.follows:
            return "a hot standby, up to date"
        return f"a hot standby, behind {age}{much}{cut}"


def standby_of(database: Database, primary: Database | None = None) -> Standby | None:
    """How far a database is behind, if it is a hot standby; else None.

    The primary says how much of its log is missing there, if it answers.
    """
    rows = database.rows(STANDBY)
    if not rows:
        return None
    (found,) = rows
    missing = None
    if primary is not None and found["replayed"] is not None:
        try:
            missing = primary.value(
                "select case when not pg_is_in_recovery() then greatest("
                "pg_wal_lsn_diff(pg_current_wal_lsn(), %s::pg_lsn), 0)::bigint end",
                (found["replayed"],),
            )
        except VitrinaError:
            missing = None  # it is away: what follows says so too
    return Standby(found["seconds"], missing, found["follows"])
