"""Builds the indexes of a space while it is searched and written to."""

from __future__ import annotations

import threading
from collections.abc import Callable

from vitrina.closing import Closing
from vitrina.db.connection import Session
from vitrina.db.database import Database
from vitrina.errors import DatabaseError, InputError

POLL_SECONDS = 0.5
# the graph of a parallel build is in shared memory, of which a container may have too little
NO_ROOM = ("53100", "53200")


class Indexing(Closing):
    """The right to build one space's indexes, held on a connection of its own.

    Raises InputError where another process holds it.
    """

    def __init__(self, database: Database, space: str) -> None:
        self._database = database
        self._space = space
        self._session: Session = database.session()
        if not self._session.value(
            "select pg_try_advisory_lock(hashtext('vitrina.build_space'), s.id)"
            " from vitrina.spaces as s where s.name = %s",
            (space,),
        ):
            self._session.close()
            raise InputError(f"another process is building the space {space}: let it finish")

    def build(
        self,
        most_memory: int,
        progress: Callable[[str, int, int], None] | None,
        stop: threading.Event,
    ) -> None:
        """Build what index_statements asks for, each CONCURRENTLY.

        Args:
            most_memory: MB to take for it at most.
            progress: called with the phase, and how many of how many tuples or blocks are done.
            stop: once it is set, the build is cancelled; the next one clears it away.
        """
        try:
            self._run(most_memory, progress, stop)
        except DatabaseError as exc:
            if getattr(exc.__cause__, "sqlstate", None) not in NO_ROOM:
                raise
            self._session.value("select set_config('max_parallel_maintenance_workers', '0', false)")
            self._run(most_memory, progress, stop)

    def _run(
        self,
        most_memory: int,
        progress: Callable[[str, int, int], None] | None,
        stop: threading.Event,
    ) -> None:
        rows = self._database.rows(
            "select * from vitrina.index_statements(%s, most_memory => %s)",
            (self._space, 1024 * most_memory),
        )
        for row in rows:
            if stop.is_set():
                return
            self._session.value(
                "select set_config('maintenance_work_mem', %s, false)", (f"{row['memory']}kB",)
            )
            self._watched(row["statement"], progress, stop)

    def _watched(
        self,
        statement: str,
        progress: Callable[[str, int, int], None] | None,
        stop: threading.Event,
    ) -> None:
        """Run a statement in another thread; say how far it is, and cancel it when told to."""
        failed: list[BaseException] = []

        def run() -> None:
            try:
                self._session.run(statement)
            except BaseException as exc:
                failed.append(exc)

        thread = threading.Thread(target=run, name="vitrina-index", daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(POLL_SECONDS)
            if stop.is_set():
                self._session.cancel()
            elif progress is not None and thread.is_alive():
                for row in self._database.rows(
                    "select p.phase, greatest(p.tuples_done, p.blocks_done) as done,"
                    " greatest(p.tuples_total, p.blocks_total) as total"
                    " from pg_stat_progress_create_index as p where p.pid = %s",
                    (self._session.pid,),
                ):
                    progress(row["phase"], row["done"], row["total"])
        if failed and not stop.is_set():
            raise failed[0]

    def close(self) -> None:
        """Give the right back."""
        self._session.close()
