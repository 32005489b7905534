"""Every function of schema vitrina, called with drawn arguments by each kind of role: it answers or refuses."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
from hypothesis import strategies as st
from psycopg import sql

from hostile import HOSTILE, ROWS, SANE, Function, put
from soundness import WRONG
from trust.report import Trust

# of all calls of a role without a right, and of values that are none of their type
REFUSED = {"42501", "42601"}
ANSWERED_BY = ("22", "23", "54")  # classes: bad data, a broken constraint, a value over a limit
ROLES = ("", "", "vitrina_writer", "vitrina_reader")
SECONDS = 5.0  # of processor time for one call
MEMORY = 3 * 2**30  # bytes of the session that calls
# what may leave fewer products than before
DELETE = {"delete_products", "detach", "prune_products", "remove_source", "sweep_source", "sync_source",
          "sync_sources"}  # fmt: skip
TICKS = os.sysconf("SC_CLK_TCK")

signs = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
texts = st.one_of(
    st.text(signs, max_size=40),
    st.sampled_from(["\u202eoak\u202c", "שולחן עץ", "oak\x01\x7f\x1b[31m", "o\u0301" * 50, "\ufeffoak",
                     "\U0001f6cb" * 20, "%_\\", "';--", "x" * 1_000_000, "a b " * 5_000]),
)  # fmt: skip
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(signs, max_size=20), st.just(10**300),
)  # fmt: skip
documents = st.recursive(
    leaves,
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.text(signs, max_size=8), inside, max_size=4)
    ),
    max_leaves=12,
)
deep = st.sampled_from([200, 3_000]).map(lambda depth: "[" * depth + "]" * depth)
escaped = st.sampled_from(['"\\ud800"', '"\\u0000"', '{"a": "\\udfff"}', "{", '{"a": 1e400000}'])


def listed(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Literals of arrays: with nulls, empty, of two dimensions."""
    plain = st.lists(items | st.just("null"), max_size=6)
    return plain.map(lambda each: f"array[{', '.join(each)}]") | plain.map(
        lambda each: f"array[array[{', '.join(each)}], array[{', '.join(each)}]]"
    )


def literal(value: str) -> str:
    return sql.Literal(value).as_string()


def whole(bits: int) -> st.SearchStrategy[str]:
    most = 2 ** (bits - 1)
    return (st.integers(-most, most - 1) | st.integers(-3, 30)).map(lambda one: literal(str(one)))


numbers = st.one_of(
    st.floats(width=32, allow_nan=False).map(str),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "1e-45", "-0"]),
).map(literal)
vectors = st.one_of(
    st.lists(st.floats(-70_000, 70_000, width=32), min_size=1, max_size=5).map(str),
    st.sampled_from([0, 1, 255, 256, 257, 4001]).map(lambda size: str([0.5] * size)),
    st.sampled_from(["[NaN]", "[Infinity]", "[1e9]", "[]"]),
).map(literal)
# by type; a type that is not here has what hostile.HOSTILE has of it
DRAWN: dict[str, st.SearchStrategy[str]] = {
    "text": texts.map(literal),
    "integer": whole(32),
    "bigint": whole(64),
    "real": numbers,
    "numeric": numbers,
    "double precision": numbers,
    "boolean": st.sampled_from(["true", "false"]),
    "jsonb": (documents.map(json.dumps).filter(lambda text: "\\u0000" not in text) | deep | escaped).map(literal),
    "text[]": listed(texts.map(literal)),
    "bigint[]": listed(whole(64)),
    "integer[]": listed(whole(32)),
    "halfvec": vectors,
    "halfvec[]": listed(vectors),
    "bytea[]": listed(st.binary(max_size=40).map(lambda one: f"'\\x{one.hex()}'")),
    "timestamp with time zone": st.datetimes().map(lambda one: literal(one.isoformat())),
    "interval": st.integers(-(10**9), 10**9).map(lambda one: f"'{one} hours'"),
    "jsonpath": st.text("$@.[]?()*=<>!&| 0123456789ax\"", max_size=20).map(lambda one: literal("$" + one)),
}  # fmt: skip


@st.composite
def calls(draw: st.DrawFn, function: Function) -> str:
    """One call: what must be given, some of what may be; each hostile, drawn or as it is meant."""
    given = []
    for place, (name, kind) in enumerate(zip(function.arguments, function.types, strict=True)):
        if place >= function.required and draw(st.booleans()):
            continue
        given.append(f'"{name}" => ({value(draw, function, name, kind)})::{kind}')
    return f'select * from vitrina."{function.name}"({", ".join(given)})'


def value(draw: st.DrawFn, function: Function, name: str, kind: str) -> str:
    """SQL of one argument."""
    bare = kind.rpartition(".")[2]
    options = [st.sampled_from(HOSTILE.get(bare, ["null"])), DRAWN.get(bare, st.just("null"))]
    if sane := SANE.get(f"{function.name}.{name}") or SANE.get(name):
        options += [st.just(sane)] * 3
    if row := ROWS.get(f"{function.name}.{name}"):
        changed = st.dictionaries(st.sampled_from(sorted(row)), documents, max_size=2)
        options.append(
            st.lists(changed.map(lambda some: row | some), max_size=3)
            .map(json.dumps)
            .filter(lambda text: "\\u0000" not in text)
            .map(literal)
        )
    return draw(st.one_of(options))


class Caller:
    """Calls functions in one transaction; counts what they answer and keeps what they must not."""

    def __init__(self, db: psycopg.Connection[Any]) -> None:
        self._beside = psycopg.Cursor(db)  # without the savepoints of a rehearsal
        self._pid = db.info.backend_pid
        self.calls = 0
        self.answers: Counter[str] = Counter()
        self.crashed: list[str] = []

    def call(self, call: str, role: str) -> None:
        """Call it; what it did stays, unless it failed."""
        self.calls += 1
        began = self._seconds()
        self._beside.execute("savepoint called")
        if role:
            self._beside.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        try:
            self._beside.execute(call.encode())
        except psycopg.Error as error:
            if self._beside.connection.closed:
                raise AssertionError(f"the session ended at {call[:2000]}") from error
            self._beside.execute("rollback to savepoint called; release savepoint called")
            self._judge(error, call, role)
        else:
            self.answers["answered"] += 1
            self._beside.execute("reset role; release savepoint called")
        taken = self._seconds() - began
        if taken > SECONDS:
            self.crashed.append(f"{taken:.1f} s of processor time: {call[:500]}")

    def _judge(self, error: psycopg.Error, call: str, role: str) -> None:
        state = error.sqlstate or ""
        message = error.diag.message_primary or str(error)
        own = state.startswith("VT") and error.diag.message_hint and len(message) <= 5_000
        if state == "42501" and not role:
            own = False
        elif state in REFUSED or state.startswith(ANSWERED_BY):
            own = True
        self.answers["refused" if state.startswith("VT") else state] += 1
        if not own:
            self.crashed.append(f"{state} {message[:200]}: {call[:500]}")

    def _seconds(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory(self) -> int:
        """The most memory that the session had, in bytes."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])

    def do(self, statements: str) -> None:
        self._beside.execute(statements.encode())

    def rows(self, query: str) -> list[Any]:
        return self._beside.execute(query.encode()).fetchall()


def fuzz(caller: Caller, function: Function, times: int, seed: int) -> None:
    """Call one function so often."""

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=times,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(calls(function), st.sampled_from(ROLES))
    def run(call: str, role: str) -> None:
        caller.call(call, role)

    run()


def after(
    caller: Caller, group: Sequence[Function], times: int, seed: int
) -> tuple[int, list[Any]]:
    """Call these functions, then take back what they did: products lost, and invariants broken.

    What deletes is in groups of its own, so that no other's loss hides behind it.
    """
    caller.do("savepoint before")
    (before,) = caller.rows("select count(*) from vitrina.products")[0]
    for function in group:
        fuzz(caller, function, times, seed)
    (left,) = caller.rows("select count(*) from vitrina.products")[0]
    wrong = caller.rows(WRONG)
    caller.do("rollback to savepoint before; release savepoint before")
    lost = 0 if group[0].name in DELETE else max(0, before - left)
    return lost, [(group[0].signature, len(group), *row) for row in wrong]


def test_a_drawn_call_of_any_function_is_answered_or_refused(
    db: psycopg.Connection[Any], trust: Trust
) -> None:
    """What it changed breaks no invariant; it loses no product, unless that is what it is for."""
    functions = put(db)
    db.execute("update vitrina.products set attributes = attributes - 'since' where id = 1")
    caller = Caller(db)
    assert caller.rows(WRONG) == []  # before any call
    size = trust.times(1, 60)  # check() takes seconds of processor time, whatever it looks at
    groups = [
        some[at : at + size]
        for some in (
            [one for one in functions if one.name not in DELETE],
            [one for one in functions if one.name in DELETE],
        )
        for at in range(0, len(some), size)
    ]
    lost, wrong = 0, []
    for group in groups:
        gone, broken = after(caller, group, trust.times(300, 2), trust.seed)
        lost += gone
        wrong += broken
    said = ", ".join(f"{many:,} {what}" for what, many in caller.answers.most_common())
    print(*caller.crashed[:60], *wrong[:40], said, sep="\n")
    if trust.full:
        assert caller.calls >= 20_000
    assert caller.memory < MEMORY
    trust.row(
        f"calls of {len(functions)} SQL functions",
        caller.calls,
        lost=lost,
        stale=len(wrong),
        crashed=len(caller.crashed),
        besides=f"{said}; {caller.memory / 1e6:.0f} MB",
    )
