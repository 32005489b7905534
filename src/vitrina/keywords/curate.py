"""The vocabulary by hand, by a file of the shop's own, by a judge; and back again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrina.db.database import Jsonb, retried

if TYPE_CHECKING:
    from vitrina.assembly import Engine
    from vitrina.db.database import Database
    from vitrina.enrich.pipeline import Totals
    from vitrina.keywords.judge import Judged
    from vitrina.models.openai.verdicts import Pair
    from vitrina.settings import Settings

Rows = list[dict[str, Any]]


class Curation:
    """The part of a catalog that changes its vocabulary.

    What changes something returns a row a term: `change` (its number in the history), `alias`,
    `before` and `after` (the keyword it was and is), `products` that say it. Nothing is returned
    where nothing had to change. Each change can be undone.
    """

    database: Database
    settings: Settings
    _notice: Callable[[str], None]

    def show_keyword(self, term: str) -> Rows:
        """The keyword that a term is, a row an alias: how, when, how similar, in how many products.

        Raises NotFoundError for a term never met.
        """
        return self.database.rows("select * from vitrina.show_keyword(%s)", (term,))

    def merge_keywords(self, terms: Sequence[str], into: str) -> Rows:
        """These terms are the keyword `into` from now on; a keyword takes its aliases along."""
        return retried(
            lambda: self.database.rows(
                "select * from vitrina.merge_keywords(%s, %s)", (list(terms), into)
            )
        )

    def split_keyword(self, term: str, as_keyword: str | None = None) -> Rows:
        """The alias `term` becomes a keyword of its own for good; a dropped term comes back."""
        return retried(
            lambda: self.database.rows(
                "select * from vitrina.split_keyword(%s, %s)", (term, as_keyword)
            )
        )

    def rename_keyword(self, term: str, name: str) -> Rows:
        """The keyword that `term` is has this name from now on; the old one stays an alias."""
        return retried(
            lambda: self.database.rows("select * from vitrina.rename_keyword(%s, %s)", (term, name))
        )

    def pin_keyword(self, term: str, *, pinned: bool = True) -> Rows:
        """Keep a keyword from being renamed or merged away by anything but a hand."""
        return self.database.rows("select * from vitrina.pin_keyword(%s, %s)", (term, pinned))

    def set_facet(self, term: str, facet: str) -> Rows:
        """Put a keyword into a facet."""
        return self.database.rows("select * from vitrina.set_facet(%s, %s)", (term, facet))

    def drop_keyword(self, term: str) -> Rows:
        """Products lose the keyword; said again, it stays dropped."""
        return retried(
            lambda: self.database.rows("select * from vitrina.drop_keyword(%s)", (term,))
        )

    def distinguish_keywords(self, a: str, b: str) -> Rows:
        """Two terms are different things: they never become one keyword."""
        return self.database.rows("select * from vitrina.distinguish_keywords(%s, %s)", (a, b))

    def seed_keywords(self, path: str | Path) -> Rows:
        """Take in a shop's own vocabulary, a CSV or JSON Lines file: keyword, facet, aliases.

        Raises InputError with every problem by its line; then nothing has changed.
        """
        from vitrina.files.keyword_file import read_seed

        rows = read_seed(str(path))
        return retried(
            lambda: self.database.rows("select * from vitrina.seed_keywords(%s)", (Jsonb(rows),))
        )

    def audit_keywords(self, *, k: int = 50, above: float | None = None) -> Rows:
        """What most deserves a look: merges that may be wrong, keywords that may be one."""
        return self.database.rows("select * from vitrina.audit_keywords(%s, %s::real)", (k, above))

    def rebuild_keywords(self, *, dry_run: bool = True) -> Rows:
        """Decide again, from what was said, all that nobody decided by hand; asks no model.

        Returns a row for each term that is another keyword now, or would be.
        """
        return retried(
            lambda: self.database.rows("select * from vitrina.rebuild_keywords(%s)", (dry_run,))
        )

    def keyword_history(self, *, k: int = 20) -> Rows:
        """The latest changes, newest first."""
        return self.database.rows("select * from vitrina.keyword_history(%s)", (k,))

    def undo_keyword_change(self, change: int | None = None) -> Rows:
        """Put back what a change altered: the latest that still holds, or the one of this number.

        Raises NotFoundError where there is none, InputError where a later one stands in the way.
        """
        return retried(
            lambda: self.database.rows("select * from vitrina.undo_keyword_change(%s)", (change,))
        )

    def pairs_to_judge(self, *, above: float | None = None) -> list[Pair]:
        """Pairs of keywords that are near each other and undecided, most products first."""
        from vitrina.keywords.judge import judge_pairs

        return judge_pairs(self.database, above)

    def judge_keywords(
        self, *, above: float | None = None, progress: Callable[[Judged], None] | None = None
    ) -> Judged:
        """Have a model say which keywords that are near each other are one; see Judge.run.

        Raises ConfigError without a model.
        """
        from vitrina.assembly import Engine

        with Engine.judging(self.database, self.settings, self._notice) as engine:
            assert engine.judge is not None  # noqa: S101 - an engine that judges has one
            return engine.judge.run(above=above, progress=progress)

    def _judged(self, engine: Engine, totals: Totals, go: Callable[[], Totals]) -> Totals:
        """What was done, with what a judge did; products whose keywords it changed are embedded."""
        from vitrina.assembly import JUDGE_ADVICE

        if engine.judge is None:
            self._notice(JUDGE_ADVICE)
            return totals
        judged = engine.judge.run()
        if judged.same:
            totals = replace(go(), embeddings=totals.embeddings)
        return replace(totals, judged=judged, cost=float(engine.ledger.spent))
