"""Late workers, dead workers, and a database that goes away: nothing stale, lost or paid twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.types.json import Jsonb

from openai_stub import OpenAIStub, caption_of, title_of
from servers import SAFE, VERSION
from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.db.database import Database
from vitrina.enrich.leases import Leases, Process
from vitrina.errors import AccessError, UnreachableError
from vitrina.settings import Settings
from waiting import HANG, eventually
from workers import workers


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIStub]:
    """An endpoint that the environment names."""
    with OpenAIStub(dimensions=64) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("VITRINA_DIMENSIONS", "64")
        yield stub


def put(url: str, titles: dict[str, str]) -> None:
    rows = [{"external_id": name, "title": title} for name, title in titles.items()]
    with psycopg.connect(url) as conn:
        conn.execute("select vitrina.put_source('shop')")
        conn.execute("select vitrina.put_products('shop', %s)", (Jsonb(rows),))


COUNT = 6_000  # rows: twelve batches


def ask(url: str, query: str, *params: Any) -> Any:
    with psycopg.connect(url, autocommit=True) as conn:
        row = conn.execute(query, params or None).fetchone()
    return row[0] if row else None


def check(url: str, titles: dict[str, str]) -> None:
    """Every product is enriched by its present title and embedded by its present text."""
    with psycopg.connect(url) as conn:
        found = conn.execute("select external_id, title, caption from vitrina.products").fetchall()
        assert sorted(found) == sorted((n, t, caption_of(t)) for n, t in titles.items())
        assert conn.execute("select * from vitrina.jobs").fetchall() == []
        stale = conn.execute(
            "select p.title from vitrina.products as p left join (vitrina.product_embeddings as e"
            " join vitrina.spaces as s on s.id = e.space_id and s.modality = 'text'"
            " and s.state = 'active') on e.product_id = p.id where e.input_hash is distinct from"
            " sha256(convert_to(vitrina.embedding_input(p.keywords, p.caption), 'utf8'))"
        ).fetchall()
        assert stale == []


class Gate:
    """Holds the stub's chat answers about one title until it is opened."""

    def __init__(self, stub: OpenAIStub, title: str) -> None:
        self.asked, self.open = threading.Event(), threading.Event()

        def answer(body: Any) -> str:
            from openai_stub import chat_answer

            if title_of(body) == title:
                self.asked.set()
                self.open.wait(HANG)
            content: str = chat_answer(body)["choices"][0]["message"]["content"]
            return content

        stub.answer = answer


def expire(url: str) -> None:
    ask(
        url,
        "with e as (update vitrina.jobs set lease_until = now() - interval '1 s'"
        " where state = 'leased' returning 1) select count(*) from e",
    )


@pytest.mark.parametrize("changed", [True, False], ids=["another finished", "own lease"])
def test_a_late_worker_stores_nothing_of_an_older_title(
    database_url: str, stub: OpenAIStub, changed: bool
) -> None:
    put(database_url, {"1": "Red oak desk"})
    gate = Gate(stub, "Red oak desk")
    settings = Settings(database_url=database_url, concurrency=2)
    with Catalog(settings=settings) as late, Catalog(settings=settings) as other:
        working = threading.Thread(target=late.work)
        working.start()
        assert gate.asked.wait(HANG)
        put(database_url, {"1": "Blue leather sofa"})
        if changed:
            expire(database_url)
            assert other.work().products == 1
            check(database_url, {"1": "Blue leather sofa"})
        gate.open.set()
        working.join(HANG)
        assert not working.is_alive()
    check(database_url, {"1": "Blue leather sofa"})
    paid = ask(database_url, "select count(*) from vitrina.generations where stage <> 'embed'")
    assert paid == stub.calls["chat"] == 6, "an answer that is paid for is kept"
    assert ask(database_url, "select count(*) from vitrina.workers") == 0


def test_a_worker_does_not_claim_what_it_has_in_hand(database_url: str, stub: OpenAIStub) -> None:
    put(database_url, {"1": "Red oak desk", "2": "Blue leather sofa"})
    gate = Gate(stub, "Red oak desk")
    with Catalog(settings=Settings(database_url=database_url, concurrency=4)) as catalog:
        done: list[int] = []
        working = threading.Thread(target=lambda: done.append(catalog.work().products))
        working.start()
        assert gate.asked.wait(HANG)
        expire(database_url)
        # it looks for more every second: what comes now it takes, what it has it does not
        put(database_url, {"3": "Green felt lamp"})
        eventually(lambda: ask(database_url, "select count(*) from vitrina.jobs") == 1)
        assert ask(database_url, "select count(*) from vitrina.jobs where state = 'leased'") == 1
        gate.open.set()
        working.join(HANG)
    assert done == [3]
    assert stub.calls["chat"] == 9, "a product was asked about twice"
    titles = {"1": "Red oak desk", "2": "Blue leather sofa", "3": "Green felt lamp"}
    check(database_url, titles)


def test_a_drain_ends_when_no_job_is_due(database_url: str, stub: OpenAIStub) -> None:
    put(database_url, {"1": "Red oak desk"})
    gate = Gate(stub, "Red oak desk")
    with workers(database_url, "--drain", "--concurrency", "2") as start:
        process = start()
        assert gate.asked.wait(HANG)
        put(database_url, {"1": "Blue leather sofa"})
        gate.open.set()
        _, told = process.communicate(timeout=HANG)
    assert process.returncode == 0, told
    check(database_url, {"1": "Blue leather sofa"})


def test_a_stopped_process_that_goes_on_past_its_lease_changes_nothing(
    database_url: str, stub: OpenAIStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRINA_LEASE", "1")
    put(database_url, {"1": "Red oak desk", "2": "White glass lamp"})
    gate = Gate(stub, "Red oak desk")
    with workers(database_url, "--drain", "--concurrency", "2") as start:
        late = start()
        assert gate.asked.wait(HANG)
        late.send_signal(signal.SIGSTOP)
        put(database_url, {"1": "Blue leather sofa"})
        eventually(lambda: not ask(database_url, "select count(*) from vitrina.jobs where state"
                              " = 'leased' and lease_until > now()"))  # fmt: skip
        other = start()
        _, told = other.communicate(timeout=HANG)
        assert other.returncode == 0, told
        titles = {"1": "Blue leather sofa", "2": "White glass lamp"}
        check(database_url, titles)
        gate.open.set()
        late.send_signal(signal.SIGCONT)
        _, told = late.communicate(timeout=HANG)
        assert late.returncode == 0, told
    check(database_url, titles)
    keywords = ask(database_url, "select keywords from vitrina.products where external_id = '1'")
    assert "oak" not in keywords


def test_a_product_that_was_worked_on_alone_may_wait_again(
    database_url: str, stub: OpenAIStub
) -> None:
    put(database_url, {str(i): f"Red oak desk {i}" for i in range(6)})
    died = (
        "with u as (update vitrina.jobs as j set deaths = '{a,b}' from vitrina.products as p"
        " where p.id = j.product_id and p.external_id = '5' returning 1) select count(*) from u"
    )
    assert ask(database_url, died) == 1
    gate = Gate(stub, "Red oak desk 5")
    with workers(database_url, "--drain", "--concurrency", "1") as start:
        process = start()
        assert gate.asked.wait(HANG)
        titles = {str(i): f"Blue leather sofa {i}" for i in range(6)}
        put(database_url, titles)
        gate.open.set()
        # changed, it waits behind the others
        _, told = process.communicate(timeout=HANG)
    assert process.returncode == 0, told
    check(database_url, titles)


IN_HAND = "select count(*) from vitrina.jobs where begun_at is not null"


def test_a_product_that_kills_its_workers_is_tried_alone_then_set_aside(
    database_url: str, stub: OpenAIStub
) -> None:
    titles = {str(i): f"Red oak desk {i}" for i in range(6)}
    put(database_url, titles)
    gate = Gate(stub, titles["2"])
    for alone in (False, False, True):
        gate.asked.clear()
        with workers(database_url, "--drain", "--concurrency", "3") as start:
            process = start()
            assert gate.asked.wait(HANG)
            if alone:
                eventually(lambda: ask(database_url, IN_HAND) == 1)
            process.send_signal(signal.SIGKILL)
            process.wait()
    # what another process would do: one that is not proved gone here would wait for the lease
    with workers(database_url, "--drain", "--concurrency", "3") as start:
        _, told = start().communicate(timeout=HANG)
    with psycopg.connect(database_url) as conn:
        found = conn.execute(
            "select p.external_id, l.state, l.deaths, l.attempts, l.error"
            " from vitrina.list_jobs() as l join vitrina.products as p on p.id = l.product_id"
        ).fetchall()
        assert [row[:4] for row in found] == [("2", "failed", 3, 0)], told
        assert "three workers died while they worked on this product" in found[0][4]
        assert "vitrina jobs retry" in found[0][4]
        assert conn.execute("select vitrina.retry_jobs()").fetchone() == (1,)
        conn.commit()
    gate.open.set()
    with Catalog(settings=Settings(database_url=database_url)) as catalog:
        assert catalog.work().products == 1
    check(database_url, titles)


def lease_as(url: str, process: Process, product: int) -> str:
    """A worker that some process has, with a product in hand."""
    with psycopg.connect(url, autocommit=True) as conn:
        worker = f"{process.host}-{product}"
        conn.execute(
            "select vitrina.register_worker(%s, %s, %s, %s, %s, %s)",
            (worker, process.host, process.pid, process.boot_id, process.namespaces,
             process.process_start),
        )  # fmt: skip
        conn.execute("select vitrina.claim_jobs(%s, 1, in_hand => '{}')", (worker,))
        conn.execute("select vitrina.begin_jobs(%s, %s, '{1}')", (worker, [product]))
    return worker


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="nothing is proved here")
def test_a_lease_is_freed_early_only_where_that_very_process_is_gone(database_url: str) -> None:
    from dataclasses import replace

    put(database_url, {"1": "Desk"})
    me = Process.this()
    assert me.process_start is not None
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    cases = {
        "it runs": (me, 0),
        "another start": (replace(me, process_start=me.process_start - 1), 1),
        "no such number": (replace(me, pid=gone.pid), 1),
        "another namespace": (replace(me, pid=gone.pid, namespaces="pid:[1]"), 0),
        "another boot": (replace(me, pid=gone.pid, boot_id="x"), 0),
        "not known": (replace(me, pid=gone.pid, boot_id=None, process_start=None), 0),
    }
    with Database(database_url) as database, Leases(database) as leases:
        for name, (process, freed) in cases.items():
            worker = lease_as(database_url, process, 1)
            assert leases.free_dead() == freed, name
            ask(database_url, "select vitrina.retire_worker(%s)", worker)
            ask(
                database_url,
                "with u as (update vitrina.jobs set deaths = '{}' returning 1) table u",
            )


def test_a_zombie_is_gone(database_url: str) -> None:
    me = Process.this()
    if me.boot_id is None:
        pytest.skip("nothing is proved here")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    stat = Path(f"/proc/{child.pid}/stat")
    started = int(stat.read_text().rpartition(")")[2].split()[19])
    other = Process(me.host, child.pid, me.boot_id, me.namespaces, started)
    assert not me.proves_gone(other)
    child.kill()
    eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z")
    assert me.proves_gone(other)
    child.communicate()


NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc"]


def may_unshare() -> bool:
    return (
        shutil.which("unshare") is not None
        and subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    )


def test_two_workers_of_one_host_name_leave_each_other_alone(
    database_url: str, stub: OpenAIStub
) -> None:
    if not may_unshare():
        pytest.skip("no pid namespaces here")
    titles = {str(i): f"Red oak desk {i}" for i in range(60)}
    put(database_url, titles)
    stub.latency = {"chat": 0.05}
    running = [
        subprocess.Popen(
            [*NAMESPACE, sys.executable, "-m", "vitrina", "--database-url", database_url, "work",
             "--drain", "--concurrency", "4"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in running:
        _, told = process.communicate(timeout=HANG)
        assert process.returncode == 0, told
    check(database_url, titles)
    assert stub.calls["chat"] == 3 * len(titles), "a live lease was freed"


def postmaster(server: embedded.Server) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def end(server: embedded.Server, how: signal.Signals) -> None:
    """Have the server end: fast (SIGINT), or at once (SIGQUIT), which it recovers from."""
    ending = psutil.Process(postmaster(server))
    ending.send_signal(how)
    eventually(lambda: not ending.is_running() or ending.status() == psutil.STATUS_ZOMBIE)


def begin(server: embedded.Server) -> None:
    """Start the server again."""
    embedded.start(server.data.parents[1], version=VERSION, options=SAFE)


@pytest.mark.once
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_answers_outlast_a_restart_of_the_database(
    own_server: embedded.Server, stub: OpenAIStub, how: signal.Signals
) -> None:
    url = own_server.url()
    titles = {str(i): f"Red oak desk {i}" for i in range(12)}
    put(url, titles)
    gate = Gate(stub, titles["2"])
    said: list[str] = []
    settings = Settings(database_url=url, concurrency=4, wait=HANG)
    with Catalog(settings=settings, notice=said.append) as catalog:
        done: list[int] = []
        working = threading.Thread(target=lambda: done.append(catalog.work().products))
        working.start()
        assert gate.asked.wait(HANG)
        end(own_server, how)
        eventually(lambda: any("waiting for the database" in line for line in said))
        gate.open.set()  # an answer comes while there is no database
        begin(own_server)
        working.join(HANG)
        assert done == [len(titles)]
    check(url, titles)
    assert stub.calls["chat"] == 3 * len(titles), "an answer that was paid for was lost"
    # a server that shuts down may answer once more before it is gone
    assert all("waiting for the database" in line for line in said[::2])
    assert set(said[1::2]) == {"the database is back"}
    assert len(said) in (2, 4), said


@pytest.mark.once
def test_ingest_goes_on_through_crashes_and_restarts(
    own_server: embedded.Server, tmp_path: Path
) -> None:
    """A batch is held at a gate, and all is cut off there; then the gate is moved on.

    A backend is killed, so that all others are cut off and the log is replayed; then restarts.
    """
    url = own_server.url()
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("create table public.gate (rows bigint)")
        conn.execute("insert into public.gate values (0)")
        conn.execute("""create function public.hold() returns trigger language plpgsql as $$ begin
            while (select count(*) from vitrina.products) > (select g.rows from public.gate as g)
            loop perform pg_sleep(0.01); end loop;
            return null; end $$""")
        conn.execute(
            "create trigger hold after insert on vitrina.products execute function public.hold()"
        )
    rows = tmp_path / "shop.jsonl"
    rows.write_text("".join(f'{{"id": "{i}", "title": "Desk {i}"}}\n' for i in range(COUNT)))
    process = subprocess.Popen(
        [sys.executable, "-m", "vitrina", "--database-url", url, "ingest", str(rows),
         "--no-enrich", "--source", "shop"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    crash, fast, immediate = None, signal.SIGINT, signal.SIGQUIT
    held = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
    for part, how in enumerate((crash, fast, immediate), start=1):
        eventually(lambda: process.poll() is not None or ask_or_none(url, held) > 0)
        assert process.poll() is None, process.stderr and process.stderr.read()
        if how is crash:
            with psycopg.connect(url) as victim:
                os.kill(victim.info.backend_pid, signal.SIGKILL)
        else:
            end(own_server, how)
            begin(own_server)
        move = f"update public.gate set rows = {part * COUNT // 3} returning 1"
        eventually(lambda move=move: ask_or_none(url, move) == 1)
    _, told = process.communicate(timeout=HANG)
    assert process.returncode == 0, told
    assert f"{COUNT:,} rows" in told
    found = "select array[count(*), count(distinct external_id)] from vitrina.products"
    assert ask(url, found) == [COUNT, COUNT]
    assert ask(url, "select count(*) from vitrina.jobs") == COUNT


def ask_or_none(url: str, query: str) -> int:
    try:
        return int(ask(url, query))
    except psycopg.OperationalError:
        return -1


def test_a_worker_that_starts_before_the_database_waits(own_server: embedded.Server) -> None:
    url = own_server.url()
    put(url, {"1": "Desk"})
    embedded.stop(own_server.data.parents[1])
    with workers(url) as start:
        process = start()
        assert process.stderr is not None
        line = process.stderr.readline()
        while "waiting for the database" not in line:
            assert line, "it ended"
            line = process.stderr.readline()
        begin(own_server)
        eventually(lambda: ask(url, "select count(*) from vitrina.jobs") == 0)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=HANG)
        assert process.returncode == 0, told


def test_the_wait_ends_as_stated(own_server: embedded.Server) -> None:
    url = own_server.url()
    embedded.stop(own_server.data.parents[1])
    said: list[str] = []
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="it has been unavailable for 1 s"):
        Database(url, wait=1.0, notice=said.append)
    assert time.monotonic() - started >= 1
    assert len(said) == 1
    assert "up to 1 s" in said[0]


def test_what_never_answers_is_not_waited_for(database_url: str, server: embedded.Server) -> None:
    def refuse(_: str) -> None:
        raise AssertionError("it waited")

    with pytest.raises(UnreachableError, match="does not exist"):
        Database(server.url("nowhere"), wait=HANG, notice=refuse)
    with pytest.raises((AccessError, UnreachableError)):
        Database(server.url().replace("postgres@", "stranger@"), wait=HANG, notice=refuse)


def test_a_forked_process_has_connections_of_its_own(database_url: str) -> None:
    with Database(database_url, size=1) as database:
        mine = database.value("select pg_backend_pid()")
        read, write = os.pipe()
        if not (child := os.fork()):
            try:
                os.write(write, str(database.value("select pg_backend_pid()")).encode())
            finally:
                os._exit(0)
        theirs = int(os.read(read, 20))
        os.waitpid(child, 0)
        assert theirs != mine
        assert database.value("select pg_backend_pid()") == mine
