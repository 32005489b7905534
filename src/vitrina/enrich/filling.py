"""Fills image spaces beside the one in use when nothing else is due, then switches to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from vitrina.db.database import Database, Jsonb
from vitrina.enrich.further import FurtherPictures
from vitrina.errors import AccessError
from vitrina.pictures.layout import NUMBERS, of_thumbnail, written
from vitrina.printing import counted

BATCH = 200  # pictures queued together: other products wait behind these at most
IDLE_SECONDS = 10.0  # between looks for more, once there are none
FURTHER_SECONDS = 60.0  # the same for further pictures: a look reads the row of each


class Filling:
    """The local image spaces that are being filled; see space_filling in SQL.

    Args:
        database: of the spaces.
        sources: pictures of these sources only.
        say: called with a line when filling begins, and when it ends.
        space: fill this one, whatever its state; None: those that are filled beside one in use.
        further: looks at the further pictures of products; None: leave them.
    """

    def __init__(
        self,
        database: Database,
        say: Callable[[str], None],
        *,
        sources: Sequence[str] | None = None,
        space: str | None = None,
        further: FurtherPictures | None = None,
    ) -> None:
        self._database = database
        self._say = say
        self._sources = list(sources) if sources is not None else None
        self._space = space
        self._further = further
        self._begun: set[str] = set()
        self._said = ""
        self._next = self._next_further = 0.0

    def queue(self) -> int:
        """Queue some more pictures to be fetched again; returns how many."""
        if time.monotonic() < self._next:
            return 0
        count = int(
            self._database.value(
                "select vitrina.queue_pictures(%s, %s, %s::text[])",
                (BATCH, self._space, self._sources),
            )
        )
        if count == 0:
            self._next = time.monotonic() + IDLE_SECONDS
        elif self._space is None:
            self._begin()
        return count

    def look_further(self) -> int:
        """Look at some further pictures, as nothing else is due; returns how many were due."""
        if self._further is None or time.monotonic() < self._next_further:
            return 0
        due, _ = self._further.batch()
        if due == 0:
            self._next_further = time.monotonic() + FURTHER_SECONDS
        return due

    def lay_out(self) -> int:
        """Measure the layouts of pictures that an earlier version stored; returns how many."""
        done = 0
        while rows := self._database.rows("select * from vitrina.pictures_to_lay_out(200)"):
            measured = [
                {"sha256": row["sha256"], "layout": written(_laid_out(row["thumbnail"]))}
                for row in rows
            ]
            self._database.value("select vitrina.put_layouts(%s)", (Jsonb(measured),))
            done += len(measured)
        return done

    def _begin(self) -> None:
        for row in self._database.rows("select * from vitrina.space_filling()"):
            if row["space"] not in self._begun:
                self._begun.add(row["space"])
                self._say(
                    f"{counted(row['waiting'], 'picture is', 'pictures are')} fetched again, once,"
                    f" for the new image space {row['space']}; {row['before']} is searched"
                    " meanwhile"
                )

    def settle(self, *, ended: bool = False) -> None:
        """Switch to the spaces that are full; say what keeps the others from it.

        Args:
            ended: this run ends, so say it also if pictures only wait.
        """
        for row in self._database.rows("select * from vitrina.space_filling()"):
            space, before = row["space"], row["before"]
            lack = row["waiting"] + row["failed"]
            lacking = (
                f"; {counted(lack, 'picture')} could not be fetched again: `vitrina jobs list`"
                if lack
                else ""
            )
            if row["ready"]:
                try:
                    self._database.value("select vitrina.activate_space(%s, true)", (space,))
                except AccessError:
                    self._tell(
                        f"{space} is full{lacking}; as the owner of the schema vitrina, run:"
                        f" select vitrina.activate_space('{space}', true);"
                    )
                    continue
                self._say(
                    f"pictures are searched in {space} from now on:"
                    f" {counted(row['products'], 'product')}{lacking};"
                    f" to go back: vitrina spaces activate {before}"
                )
            elif row["waiting"] > row["tried"]:
                if ended:
                    self._tell(
                        f"{row['products']:,} of {row['products'] + lack:,} pictures are in"
                        f" {space}; {before} is searched until the others are: vitrina work"
                    )
            else:
                self._tell(
                    f"{row['products']:,} of {row['products'] + lack:,} pictures are in {space}"
                    f"{lacking}; {before} is searched until `vitrina jobs retry` and `vitrina work`"
                    f" get them, or: vitrina spaces activate {space} --force"
                )

    def _tell(self, line: str) -> None:
        if line != self._said:
            self._said = line
            self._say(line)


def _laid_out(thumbnail: bytes) -> tuple[int, ...]:
    """The layout of a thumbnail; all 0 if it cannot be read, so that it is not tried for ever."""
    try:
        return of_thumbnail(bytes(thumbnail))
    except (OSError, ValueError):
        return (0,) * NUMBERS
