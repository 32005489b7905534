"""Weave's own client against a recording server; in processes of its own, for it is one of a kind.

What it is never to do (hold up a run, show a key, upload a picture) is measured on the wire.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vitrina.errors import ConfigError
from vitrina.models.base import Enrichment, Term
from vitrina.models.outcomes import Answer, Usage
from vitrina.pictures.decode import Picture
from vitrina.redaction import is_sensitive, redact
from vitrina.weave.tracing import Tracer
from waiting import HANG
from weave_recorder import KEY, WeaveRecorder, closed_port

pytestmark = pytest.mark.once

OPENAI_KEY = "sk-proj-0123456789abcdefghijklmnop"
PICTURE = Picture("ab" * 32, "image/jpeg", 800, 600, 48_213, 0, b"\xff\xd8jpeg" * 900, b"webp" * 99)

PRELUDE = """
import json, sys, time
from vitrina.models.pricing import price
from vitrina.models.outcomes import Answer, AnswerError, Usage
from vitrina.models.base import Term
from vitrina.weave import server
from vitrina.weave.tracing import Tracer
server.START_SECONDS = server.PROBE_SECONDS = 600.0  # a slow machine takes long to import weave
notes = []
started = time.monotonic()
tracer = Tracer.to("team/shop", notice=notes.append)
def tell(**more):
    print(json.dumps({"notes": notes, **more}), flush=True)
def answer():
    return Answer("a chair", "gpt-4o-mini", Usage(100, 20, 10), 0.5)
"""

Process = subprocess.Popen[str]
Run = Callable[..., Process]


@pytest.fixture
def recorder() -> Iterator[WeaveRecorder]:
    with WeaveRecorder() as recorder:
        yield recorder


def launch(recorder: WeaveRecorder, home: Path, script: str, **more: str) -> Process:
    """Start Python on a script that comes after PRELUDE, with weave sent to the recorder."""
    environment = {**os.environ, **recorder.environment, "HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script],
        env={**environment, "OPENAI_API_KEY": OPENAI_KEY, **more},
        cwd=home,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def start(recorder: WeaveRecorder, tmp_path: Path) -> Iterator[Run]:
    """Launch scripts that end with the test."""
    processes = []

    def run(script: str, **more: str) -> Process:
        processes.append(launch(recorder, tmp_path, script, **more))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def finish(process: Process) -> dict[str, Any]:
    """What a script told last; it said nothing else, on stdout or stderr."""
    out, err = process.communicate(timeout=HANG)
    assert process.returncode == 0, err
    assert err == ""
    assert all(line.startswith("{") for line in out.splitlines())
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    return told


# -- what is shown ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2.5, 2.5),
        (float("nan"), "nan"),
        ("oak chair", "oak chair"),
        ({"api_key": OPENAI_KEY}, {"api_key": "<redacted>"}),
        ({"API-Key": None}, {"API-Key": None}),
        (
            {"headers": [{"Authorization": "Bearer x"}]},
            {"headers": [{"Authorization": "<redacted>"}]},
        ),
        (
            {"PGPASSWORD": "pw", "hf_token": "t"},
            {"PGPASSWORD": "<redacted>", "hf_token": "<redacted>"},
        ),
        ({"input_tokens": 7, "keywords": ["a"]}, {"input_tokens": 7, "keywords": ["a"]}),
        ("postgresql://me:p@ss@db:5432/shop", "postgresql://me:***@db:5432/shop"),
        ("host=db password='it''s' dbname=x", "host=db password=***'s' dbname=x"),
        ("host=db password=pw user=me", "host=db password=*** user=me"),
        ('{"api_key": "abc", "model": "m"}', '{"api_key": ***, "model": "m"}'),
        (f"Incorrect API key provided: {OPENAI_KEY}.", "Incorrect API key provided: ***."),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: ***"),
        ("sent Bearer abcdefghij0123456789", "sent Bearer ***"),
        ("Basic upholstered-headboard", "Basic upholstered-headboard"),
        ("SK-1042 chair", "SK-1042 chair"),
        (
            "https://s.example/a.jpg?w=2&X-Amz-Signature=0a1b&keyword=sofa",
            "https://s.example/a.jpg?w=2&X-Amz-Signature=***&keyword=sofa",
        ),
        ("see data:image/png;base64,iVBORw0KGgo= here", "see <data URL, 34 characters> here"),
        ("data:image/svg+xml;utf8,%3Csvg%3E", "<data URL, 33 characters>"),
        (
            "data:image/jpeg;base64," + "A" * 76 + "\n" + "B" * 76 + "\nCC==",
            "<data URL, 181 characters>",
        ),
        ("x" * 300, "<base64>"),
        ("data: 3 rows, 4 columns", "data: 3 rows, 4 columns"),
        (b"abc", "<3 bytes, sha256 ba7816bf8f01>"),
        (PICTURE, "<48213 bytes, sha256 abababababab>"),
        ([0.5] * 1536, "<1536 numbers>"),
        ([[0.5] * 20, [0.5] * 20], ["<20 numbers>", "<20 numbers>"]),
        ((1, 2), [1, 2]),
        (Usage(1, 2, 3), {"input_tokens": 1, "cached_tokens": 2, "output_tokens": 3}),
        (
            Enrichment((Term("oak", "material"),), "d", "c"),
            {
                "terms": [{"term": "oak", "facet": "material"}],
                "description": "d",
                "caption": "c",
                "answers": [],
            },
        ),
        ("half \ud800 a pair", "half ? a pair"),
        ("word " * 1000, "word " * 800 + "… (5000 characters)"),
        (list(range(3)) + ["x"] * 200, [0, 1, 2, *["x"] * 97, "… and 103 more"]),
    ],
)
def test_redact(value: object, shown: object) -> None:
    assert redact(value) == shown


def test_redact_hides_given_secrets_and_ends_in_loops() -> None:
    loop: list[object] = ["hunter2hunter2"]
    loop.append(loop)
    assert "hunter2" not in json.dumps(redact(loop, ["hunter2hunter2"]))


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "api_key", "Authorization", "db_password"])
def test_sensitive_names(name: str) -> None:
    assert is_sensitive(name)


# -- off -------------------------------------------------------------------------------------------


def test_off_records_nothing() -> None:
    tracer = Tracer.off()
    answer = Answer("x", "m", Usage(), 0.0)
    with tracer.product("s", "1", "Chair") as output:
        output["caption"] = "c"
        assert tracer.call("tag", {"title": "Chair"}, lambda: answer) is answer
    with pytest.raises(ZeroDivisionError):
        tracer.call("tag", {}, lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    assert tracer.bind(len) is len
    assert not tracer.on
    tracer.close()
    tracer.close()


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_no_key_is_an_error_and_never_a_prompt(no_home: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_home.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match=r"set WANDB_API_KEY"):
        Tracer.to("team/shop", notice=pytest.fail)
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1:{closed_port()} login user password {KEY}\n")
    netrc.chmod(0o600)
    with pytest.raises(ConfigError, match=r"set WANDB_API_KEY"):
        Tracer.to("team/shop", notice=pytest.fail)
    netrc.write_text(f"machine 127.0.0.1:9 login user password {KEY}\n")
    notes: list[str] = []
    assert not Tracer.to("team/shop", notice=notes.append).on
    assert "cannot be reached" in notes[0]


@pytest.mark.parametrize("project", ["", "a/b/c", "team/", "my shop", "../x/y"])
def test_projects_that_are_none(no_home: pytest.MonkeyPatch, project: str) -> None:
    no_home.setenv("WANDB_API_KEY", KEY)
    with pytest.raises(ConfigError, match="entity/project"):
        Tracer.to(project, notice=pytest.fail)


@pytest.mark.parametrize("fault", ["refused", "silent", "broken"])
def test_a_server_that_is_not_there_costs_its_traces_only(
    no_home: pytest.MonkeyPatch, recorder: WeaveRecorder, fault: str
) -> None:
    for name, value in recorder.environment.items():
        no_home.setenv(name, value)
    if fault == "refused":
        no_home.setenv("WF_TRACE_SERVER_URL", f"http://127.0.0.1:{closed_port()}/traces")
    recorder.delay = 60 if fault == "silent" else 0
    recorder.status = {"server_info": 503} if fault == "broken" else {}
    notes: list[str] = []
    started = time.monotonic()
    tracer = Tracer.to("team/shop", notice=notes.append)
    assert time.monotonic() - started < 30
    assert not tracer.on
    assert len(notes) == 1
    assert "Continuing without traces" in notes[0]
    assert KEY not in notes[0]


def test_weave_is_not_imported_until_its_server_is_there(start: Run) -> None:
    """Neither by the module, nor off, nor for a server that is down."""
    dead = f"http://127.0.0.1:{closed_port()}"
    process = start(
        "Tracer.off().call('tag', {}, answer)\ntell(weave='weave' in sys.modules, on=tracer.on)",
        WANDB_BASE_URL=dead,
        WF_TRACE_SERVER_URL=f"{dead}/traces",
    )
    told = finish(process)
    assert (told["weave"], told["on"], len(told["notes"])) == (False, False, 1)


# -- on --------------------------------------------------------------------------------------------

WORK = """
import os, threading
from concurrent.futures import ThreadPoolExecutor
from vitrina.pictures.decode import Picture
key = os.environ["OPENAI_API_KEY"]
raw = b"\\xff\\xd8" + bytes(range(256)) * 40
picture = Picture("ab" * 32, "image/jpeg", 8, 6, 48213, 0, raw, b"webp" * 99)
url = "data:image/jpeg;base64," + __import__("base64").b64encode(raw).decode()
pool = ThreadPoolExecutor(4)
ready = time.monotonic() - started

def enrich(number):
    title = f"Chair {number}"
    with tracer.product("demo", str(number), title) as output:
        def ask(stage):
            shown = {"title": title, "model": "gpt-4o-mini", "picture": picture, "raw": raw,
                     "api_key": key, "messages": [{"image_url": {"url": url}}],
                     "database": "postgresql://me:hunter2@db/shop"}
            def answers():
                if stage == "tag":
                    value = (Term("oak", "material"), Term(url))
                    return Answer(value, "gpt-4o-mini", Usage(100, 20, 10), 0.5)
                return answer()
            return tracer.call(stage, shown, answers, cost=price)
        both = list(pool.map(tracer.bind(ask), ["tag", "describe"]))
        assert both[0].value[0].term == "oak" and both[1].value == "a chair"
        tracer.call("embed", {}, lambda: Answer([[0.1] * 3072], "e-3", Usage(9, 0, 0), 0.1))
        output["caption"] = "a chair"

threads = [threading.Thread(target=enrich, args=(n,)) for n in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]

def fails():
    raise AnswerError("refusal", f"refused for {key} at postgresql://me:hunter2@db/shop",
                      Usage(50, 0, 5))
try:
    with tracer.product("demo", "9", "Sofa"):
        tracer.call("enrich", {"model": "gpt-4o-mini"}, fails)
    raise SystemExit("it swallowed the error")
except AnswerError as error:
    assert key in str(error)
class Odd:
    def __getattr__(self, name):
        raise RuntimeError("no")
odd = Odd()
assert tracer.call("tag", {"title": odd}, lambda: odd) is odd
def broken_price(model, usage):
    raise ValueError("no price")
assert tracer.call("judge", {}, answer, cost=broken_price).value == "a chair"

clock = time.perf_counter()
for _ in range(200):
    tracer.call("caption", {"title": "x"}, answer)
overhead = (time.perf_counter() - clock) / 200
clock = time.monotonic()
tracer.close()
closing = time.monotonic() - clock
tracer.call("caption", {}, answer)
tell(ready=ready, overhead=overhead, closing=closing)
"""


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, WeaveRecorder]]:
    """What WORK told, and what was recorded of it."""
    with WeaveRecorder() as recorder:
        yield finish(launch(recorder, tmp_path_factory.mktemp("home"), WORK)), recorder


def test_a_run_is_hardly_slowed(worked: tuple[Any, WeaveRecorder]) -> None:
    told, recorder = worked
    assert told["notes"] == []
    assert told["overhead"] < 0.2
    assert told["closing"] < 40
    assert len(recorder.named("vitrina.caption")) == 200
    assert recorder.named("vitrina.judge")[0]["ended_at"], "whatever becomes of its price"


def test_calls_are_recorded_under_their_product(worked: tuple[Any, WeaveRecorder]) -> None:
    recorder = worked[1]
    products = {call["inputs"]["external_id"]: call for call in recorder.named("vitrina.enrich")}
    assert sorted(products) == ["0", "1", "2", "9"]
    for stage in ("tag", "describe", "embed"):
        calls = [call for call in recorder.named(f"vitrina.{stage}") if call["parent_id"]]
        assert len(calls) == 3
        for call in calls:
            parent = recorder.calls[call["parent_id"]]
            assert call["trace_id"] == parent["trace_id"]
            assert (
                call["inputs"].get("title", parent["inputs"]["title"]) == parent["inputs"]["title"]
            )
            assert call["attributes"]["weave"]["kind"] == "llm"


def test_usage_and_cost_add_up(worked: tuple[Any, WeaveRecorder]) -> None:
    recorder = worked[1]
    [product] = [c for c in recorder.named("vitrina.enrich") if c["inputs"]["external_id"] == "0"]
    tag = next(call for call in recorder.named("vitrina.tag") if call["parent_id"])
    assert tag["inputs"]["picture"] == "<48213 bytes, sha256 abababababab>"
    assert tag["output"]["value"][0] == {"term": "oak", "facet": "material"}
    assert tag["output"]["cost"] == pytest.approx(80 * 0.15e-6 + 20 * 0.075e-6 + 10 * 0.6e-6)
    assert tag["output"]["seconds"] == 0.5
    used = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
    assert used.items() <= tag["summary"]["usage"]["gpt-4o-mini"].items()
    whole = product["summary"]["usage"]
    assert (whole["gpt-4o-mini"]["requests"], whole["gpt-4o-mini"]["input_tokens"]) == (2, 200)
    assert whole["e-3"]["input_tokens"] == 9
    assert product["output"] == {"caption": "a chair"}


def test_errors_are_recorded_without_secrets(worked: tuple[Any, WeaveRecorder]) -> None:
    recorder = worked[1]
    [product] = [c for c in recorder.named("vitrina.enrich") if c["inputs"]["external_id"] == "9"]
    [failed] = recorder.named("vitrina.one_call")
    assert failed["parent_id"] == product["id"]
    raised = json.loads(failed["exception"])
    assert raised["type"] == "AnswerError"
    assert raised["message"] == "refused for *** at postgresql://me:***@db/shop"
    assert failed["summary"]["usage"]["gpt-4o-mini"]["output_tokens"] == 5
    assert product["exception"]


def test_no_key_and_no_picture_is_on_the_wire(worked: tuple[Any, WeaveRecorder]) -> None:
    recorder = worked[1]
    sent = b"\n".join(body for _, body in recorder.bodies)
    assert b"48213 bytes" in sent
    for secret in (OPENAI_KEY, KEY, "hunter2", ";base64,", "AAECAwQFBgcICQ", "0.1, 0.1", "0.1,0.1"):
        assert secret.encode() not in sent


def test_a_key_that_is_refused_stops_the_run_before_anything_is_paid(
    recorder: WeaveRecorder, start: Run
) -> None:
    process = start("", WANDB_API_KEY="wrong-" + KEY)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith("vitrina.errors.ConfigError: the key for http://127.0.0.1")
    assert KEY not in err


def test_this_weave_has_the_private_names_that_are_used(start: Run) -> None:
    told = finish(
        start(
            "import weave\n"
            "from vitrina.weave.private import missing\n"
            "lacks = missing(tracer._client)\n"
            "tracer.close()\n"
            "tell(lacks=lacks, version=weave.__version__)"
        )
    )
    assert told["lacks"] == [], f"weave {told['version']} is another than vitrina was made for"


def test_a_weave_without_the_private_names_traces_all_the_same(
    recorder: WeaveRecorder, start: Run
) -> None:
    gone = """
import vitrina.weave.private as private
gone = {key: (place, f"gone_{name}") for key, (place, name) in private.NAMES.items()}
private.NAMES.update(gone)
tracer = Tracer.to("team/other", notice=notes.append)
lacks = private.missing(tracer._client)
with tracer, tracer.product("s", "1", "Chair"):
    assert tracer.call("tag", {}, answer).value == "a chair"
tell(lacks=lacks)
"""
    told = finish(start("tracer.close()" + gone))
    assert len(told["lacks"]) == len(set(told["lacks"])) > 10
    [tag] = recorder.named("vitrina.tag")
    [product] = recorder.named("vitrina.enrich")
    assert tag["parent_id"] == product["id"]
    assert told["notes"] == []


# -- a server that goes away -----------------------------------------------------------------------

DYING = """
tracer.call("tag", {}, answer)
tell()
sys.stdin.readline()
slowest = 0.0
for n in range(100):
    clock = time.monotonic()
    with tracer.product("s", str(n), "Chair"):
        assert tracer.call(f"stage_{n % 3}", {}, answer).value == "a chair"
    slowest = max(slowest, time.monotonic() - clock)
ENDING
"""
CLOSE = """
clock = time.monotonic()
tracer.close()
tell(slowest=slowest, on=tracer.on, closing=time.monotonic() - clock)
"""
WAIT = """
while tracer.on and time.monotonic() - clock < 200:
    time.sleep(0.1)
"""
ENDINGS = {
    "refused": "time.sleep(1.5)" + CLOSE,
    "silent": CLOSE,
    "unclosed": "tell(slowest=slowest)",
    "given up": WAIT + CLOSE,
}


@pytest.fixture
def dying(tmp_path: Path) -> Iterator[dict[str, tuple[WeaveRecorder, Process]]]:
    """A run for each way of dying, all at once: they wait far more than they work."""
    running = {}
    for fault, ending in ENDINGS.items():
        script = DYING.replace("ENDING", ending)
        if fault == "given up":
            script = "server.GIVE_UP_SECONDS = 1\n" + script
        recorder = WeaveRecorder()
        running[fault] = recorder, launch(recorder, tmp_path, script)
    yield running
    for recorder, process in running.values():
        process.kill()
        process.communicate()
        recorder.__exit__()


def test_a_server_that_dies_midway_neither_breaks_nor_holds_up_the_run(
    dying: dict[str, tuple[WeaveRecorder, Process]], tmp_path: Path
) -> None:
    for fault, (recorder, process) in dying.items():
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["notes"] == []
        if fault == "silent":
            recorder.delay = 60
        else:
            recorder.down()
    for _, process in dying.values():
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    started = time.monotonic()
    took: dict[str, float] = {}
    while len(took) < len(dying) and time.monotonic() - started < HANG:
        for fault, (_, process) in dying.items():
            if process.poll() is not None:
                took.setdefault(fault, time.monotonic() - started)
        time.sleep(0.05)
    told = {fault: finish(process) for fault, (_, process) in dying.items()}
    assert max(each["slowest"] for each in told.values()) < 10
    assert not any(each.get("on") for each in told.values())
    for fault in ("refused", "silent"):
        assert told[fault]["notes"] == [
            "the trace server did not accept every trace: the last ones are missing"
        ]
    assert told["given up"]["notes"] == [
        "the trace server stopped answering: no more traces in this run"
    ]
    assert max(each.get("closing", 0) for each in told.values()) < 50
    assert max(took.values()) < 100, "weave by itself would hold up the end for minutes"
    assert not list(tmp_path.glob("*.jsonl")), "nothing is left on disk"


def test_sigterm_sends_what_was_recorded(recorder: WeaveRecorder, start: Run) -> None:
    process = start(
        "with tracer:\n"
        "    with tracer.product('s', '1', 'Chair'):\n"
        "        tracer.call('tag', {}, answer)\n"
        "        tell()\n"
        "        time.sleep(600)\n"
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    started = time.monotonic()
    _, err = process.communicate(timeout=HANG)
    assert time.monotonic() - started < 100
    assert process.returncode == 128 + 15
    assert err == ""
    assert len(recorder.named("vitrina.tag")) == 1
    [product] = recorder.named("vitrina.enrich")
    assert json.loads(product["exception"])["type"] == "SystemExit"
