"""Upkeep of a catalog: its state, its spaces, and what it has cost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from vitrina.db.database import Database

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

    def drop_answers(
        self,
        *,
        stage: str | None = None,
        model: str | None = None,
        before: datetime | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Drop stored answers of models; products keep what was made of them.

        What is asked again is paid for again. What was spent stays known, budgets as they are.

        Args:
            stage: of this stage alone.
            model: of this model alone.
            before: stored earlier than this.
            dry_run: count them, and drop none.

        Returns `answers`, how many; `usd`, what they cost; `unpriced`, how many lack a known price.

        Raises AccessError for a role that does not own vitrina.
        """
        (row,) = self.database.rows(
            "select * from vitrina.drop_answers(%s, %s, %s, %s)", (stage, model, before, dry_run)
        )
        return row

    def set_budget(self, usd: Decimal | None, period: Period = "total") -> None:
        """What paid work may cost a day, a month or in total; None takes the budget away."""
        self.database.rows("select vitrina.set_budget(%s, %s)", (usd, period))
