"""A run that is told to stop twice ends at once, whatever holds it, and gives back its leases."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from openai_stub import OpenAIStub
from picture_server import PictureServer, endless
from vitrina import embedded

PATIENCE = 600  # seconds; far less than what holds the runs here
PATIENT = """
from vitrina.cli import _signals, main
_signals.EXIT_SECONDS = _signals.GIVE_BACK_SECONDS = 600.0  # on a slow machine leases take long to go
main()
"""
HELD = """
import ctypes, sys
from vitrina.pictures import decode
def held(*_):
    print("held", file=sys.stderr, flush=True)
    ctypes.CDLL(None).sleep(3600)  # a call into C: no signal and no exception ends it
decode._normal = held
"""
ALONE = """
import ctypes, sys, threading
from vitrina.cli import _signals
with _signals.stoppable():
    thread = threading.Thread(target=lambda: ctypes.CDLL(None).sleep(3600))
    thread.start()
    print("held", file=sys.stderr, flush=True)
    threading.Event().wait()
"""


@contextlib.contextmanager
def run(url: str, *arguments: str, script: str | None = PATIENT) -> Iterator[subprocess.Popen[str]]:
    command = ["-c", script] if script else ["-m", "vitrina"]
    process = subprocess.Popen(
        [sys.executable, *command, "--database-url", url, *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str], words: str) -> str:
    """The next line on stderr with these words."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"{words!r} was not said; it ended with {process.wait()}")


def until(true: Callable[[], object], process: subprocess.Popen[str]) -> None:
    while not true():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)


def stop_twice(process: subprocess.Popen[str], first: int, second: int) -> float:
    """Send both; returns the seconds that the second took to end the process."""
    process.send_signal(first)
    assert "Ctrl-C or SIGTERM again to stop at once" in said(process, "is finished and stored")
    assert process.poll() is None
    process.send_signal(second)
    began = time.monotonic()
    process.wait(PATIENCE)
    return time.monotonic() - began


def queue(conn: psycopg.Connection, image: str | None, root: Path | None = None) -> None:
    config = json.dumps({"image_root": str(root)} if root else {})
    conn.execute("select vitrina.put_source('shop', config => %s)", (config,))
    rows = [{"external_id": str(n), "title": f"Sofa {n}", "image": image} for n in range(3)]
    conn.execute("select vitrina.put_products('shop', %s)", (json.dumps(rows),))


def nothing_leased(db: psycopg.Connection) -> bool:
    """Whether all is queued, uncharged, and no worker is left."""
    (row,) = db.execute(
        "select count(*) filter (where j.state <> 'queued' or j.attempts > 0 or cardinality(j.deaths) > 0),"
        " count(*), (select count(*) from vitrina.workers) from vitrina.jobs as j"
    ).fetchall()
    return row == (0, 3, 0)


@pytest.mark.parametrize("command", ["work", "ingest"])
@pytest.mark.parametrize(
    ("second", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_picture_that_never_ends(
    db: psycopg.Connection, database_url: str, tmp_path: Path, command: str, second: int, code: int
) -> None:
    with PictureServer({"/sofa.jpg": endless({"Content-Length": 9_000_000}, part=b"")}) as server:
        queue(db, server.url("/sofa.jpg"))
        arguments = ["work", "--drain"]
        if command == "ingest":
            file = tmp_path / "shop.csv"
            file.write_text(f"id,title,image\n3,Sofa,{server.url('/sofa.jpg')}\n")
            arguments = ["ingest", str(file)]
        with run(database_url, *arguments, "--allow-private-images") as process:
            until(lambda: server.requests, process)
            stop_twice(process, signal.SIGINT, second)
            assert process.returncode == code
    db.execute("delete from vitrina.jobs where product_id > 3")
    assert nothing_leased(db)


def test_a_model_that_does_not_answer(
    db: psycopg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIStub(dimensions=64, latency={"chat": 3600.0}) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("VITRINA_DIMENSIONS", "64")
        queue(db, None)
        with run(database_url, "work") as process:
            until(lambda: stub.requests("chat"), process)
            stop_twice(process, signal.SIGTERM, signal.SIGTERM)
            assert process.returncode == 143
    assert nothing_leased(db)


def test_a_decoder_that_does_not_come_back(
    db: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "sofa.png")
    queue(db, "sofa.png", tmp_path)
    options = ("work", "--drain", "--image-root", str(tmp_path))
    with run(database_url, *options, script=HELD + PATIENT) as process:
        said(process, "held")
        stop_twice(process, signal.SIGTERM, signal.SIGINT)
        assert process.returncode == 130
    assert nothing_leased(db)


def test_a_thread_that_goes_on_when_the_run_has_ended() -> None:
    with run("", script=ALONE) as process:
        said(process, "held")
        stop_twice(process, signal.SIGTERM, signal.SIGINT)
        assert process.returncode == 130


def test_a_database_that_does_not_answer(
    own_server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leases stay; the next worker on this machine frees them."""
    database_url = own_server.url()
    with (
        OpenAIStub(dimensions=64, latency={"chat": 3600.0}) as stub,
        psycopg.connect(database_url, autocommit=True) as db,
    ):
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("VITRINA_DIMENSIONS", "64")
        queue(db, None)
        with run(database_url, "work", script=None) as process:
            until(lambda: stub.requests("chat"), process)
            rows = db.execute("select pid from pg_stat_activity where pid <> pg_backend_pid()")
            postmaster = int((own_server.data / "postmaster.pid").read_text().split()[0])
            halted = [postmaster, *(row[0] for row in rows)]
            try:
                for pid in halted:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGSTOP)
                took = stop_twice(process, signal.SIGTERM, signal.SIGTERM)
            finally:
                for pid in halted:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
            assert process.returncode == 143
            assert took < PATIENCE / 2
        stub.latency = 0.0
        with run(database_url, "work", "--drain") as process:
            _, told = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, told
        assert db.execute("select count(*) from vitrina.jobs").fetchone() == (0,)


def test_one_signal_finishes_what_is_begun(
    db: psycopg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIStub(dimensions=64, latency={"chat": 0.3}) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        monkeypatch.setenv("VITRINA_DIMENSIONS", "64")
        queue(db, None)
        with run(database_url, "work", "--concurrency", "1") as process:
            until(lambda: stub.requests("chat"), process)
            process.send_signal(signal.SIGINT)
            said(process, "stopping: work begun is finished and stored")
            process.wait(PATIENCE)
            assert process.returncode == 0
    rows = db.execute("select count(*) from vitrina.generations where stage <> 'embed'").fetchall()
    assert rows == [(len(stub.requests("chat")),)]
    assert 0 < len(db.execute("select from vitrina.jobs").fetchall()) < 3


MERGED = """
import os, signal, time
from vitrina.cli import _signals
_signals.EXIT_SECONDS = _signals.GRACE_SECONDS = 600.0
with _signals.stoppable() as stop:
    signal.raise_signal(signal.SIGINT)
    stop.wait()
    pipe = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(pipe)
    os.write(pipe, bytes([signal.SIGINT]))  # all that Python does about a signal while one is due
    time.sleep(600)
"""


def test_two_signals_that_come_close_together() -> None:
    ended = subprocess.run([sys.executable, "-c", MERGED], capture_output=True, text=True, timeout=PATIENCE)  # fmt: skip
    assert ended.returncode == 130, ended.stderr
    assert "Traceback" not in ended.stderr
