"""Upkeep of a catalog: its state, its spaces, and what it has cost."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from vitrina.database import Database

Period = Literal["day", "month", "total"]

By = Literal["day", "stage", "model"]


class Upkeep:
    """The part of a catalog that is about its state."""

    database: Database

    def status(self) -> dict[str, Any]:
        """Counts of products, jobs, keywords and generations, the spaces in use, the spend."""
        (row,) = self.database.rows("select * from vitrina.status")
        return row

    def server(self) -> str:
        """What the database runs on, in a few words."""
        return str(
            self.database.value(
                "select 'Postgres ' || split_part(current_setting('server_version'), ' ', 1)"
                " || ' with pgvector ' || e.extversion"
                " from pg_extension as e where e.extname = 'vector'"
            )
        )

    def costs(self, *, by: By | None = None) -> list[dict[str, Any]]:
        """Calls, tokens and USD by day, stage and model, or added up by one of them."""
        rows = self.database.rows("select * from vitrina.cost(%s)", (by,))
        left_out = {"day", "stage", "model"} - {by} if by else set()
        return [{k: v for k, v in row.items() if k not in left_out} for row in rows]

    def set_budget(self, usd: Decimal | None, period: Period = "total") -> None:
        """What paid work may cost a day, a month or in total; None takes the budget away."""
        self.database.rows("select vitrina.set_budget(%s, %s)", (usd, period))
