"""What the drawers and docs/serve.md show is run, and finds what the page shows."""

from __future__ import annotations

import json
import random
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from selectolax.lexbor import LexborHTMLParser

from serving import Served
from vitrina.catalog import Catalog
from vitrina.settings import Settings
from vitrina.web.results import find
from vitrina.web.services import Services
from vitrina.web.sidebar import sidebar
from vitrina.web.state import State
from vitrina.web.wording import how_of

SERVE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text("utf-8")
STATES = [
    "q=grey+sofa",
    "q=-leather+sofa",
    "q=it%27s+a+%22dining+chair%22&n=5&page=1",
    "q=chair&k.color=black&k.color=gray&sort=price&n=7",
    "k.type=sofa&x=linen&price=..1000",
    "a.category=Furniture&a.category=Home&n=4&page=2",
    "a.category=Furniture&group=style&sort=newest",
    "q=table&mode=text&source=demo",
    "like=1&unlike=2&k.color=black&n=6",
    "pic=p:3&n=5",
]


@pytest.fixture(scope="module")
def services(shop: str) -> Iterator[Services]:
    with Catalog(settings=Settings(database_url=shop), read_only=True) as catalog:
        yield Services(catalog)


@pytest.mark.parametrize("state", STATES)
def test_the_drawer_finds_what_the_page_shows(
    served: Served, services: Services, vitrina: Callable[..., Result], state: str
) -> None:
    page = LexborHTMLParser(served.get(f"/?{state}").text)
    shown = [int(card.attributes["data-product"] or 0) for card in page.css("[data-card]")]
    assert shown
    how = {pre.attributes["data-how"]: pre.text() for pre in page.css("[data-how]")}
    assert set(how) == {"sql", "cli", "python", "curl"}
    with psycopg.connect(served.url) as conn:
        assert [row[0] for row in conn.execute(how["sql"].encode())] == shown
    found = eval(how["python"], {"catalog": services.catalog})  # noqa: S307
    assert [hit.product_id for hit in found] == shown
    curl = shlex.split(how["curl"])[1]
    assert curl.startswith(served.base)
    answer = served.get(curl.removeprefix(served.base)).json()
    assert [each["product_id"] for each in answer["products"]] == shown
    command = shlex.split(how["cli"])[1:]
    if "pic=" not in state:  # the command takes files and addresses only; it says so
        done = vitrina(command[0], "--json", *command[1:], url=served.url)
        assert done.exit_code == 0, done.stderr
        assert [json.loads(line)["product_id"] for line in done.stdout.splitlines()] == shown


@pytest.mark.parametrize(
    ("state", "said"),
    [("pic=s:0123456789abcdef", "name a file instead"), ("like=1&q=sofa", "several calls")],
)
def test_what_is_no_single_call_is_said(services: Services, state: str, said: str) -> None:
    how = how_of(services, State.of(state))
    assert said in how.note
    assert how.sql and how.python and how.curl  # the nearest  # noqa: PT018


def test_a_shown_count_is_what_a_click_gives(services: Services) -> None:
    rng = random.Random(14)  # noqa: S311
    queries = ["", "", "chair", "black table", "shoes", "cotton shirt", "lamp"]
    states, checked = [State(query=query) for query in queries], set[str]()
    while len(checked) < 200:
        state = rng.choice(states)
        groups = sidebar(services, find(services, state)).groups
        choices = [(group, value) for group in groups for value in group.values if not value.chosen]
        for group, value in rng.sample(choices, min(8, len(choices))):
            kind = "keyword" if group.name.startswith("k.") else "attribute"
            name = group.name[2:]
            # a click on another value of the same facet adds it: what it shows is its own count
            alone = state.without_choice(kind, name).toggled(kind, name, value.value)
            found = find(services, State.of(f"{alone.query_string}&n=200"))
            assert len(found.cards) == value.products, (alone.query_string, value)
            states.append(state.toggled(kind, name, value.value))
            checked.add(alone.query_string)


def test_the_sessions_with_curl_print_what_is_shown(served: Served) -> None:
    sessions = re.findall(r"```console\n\$ curl (.+)\n((?:.*\n)*?)```", SERVE)
    assert sessions
    for command, output in sessions:
        words = shlex.split(command.replace("http://127.0.0.1:8765", served.base))
        done = subprocess.run(["curl", "--noproxy", "*", *words], capture_output=True, text=True)
        assert done.stdout.strip() == output.strip(), command


def test_the_session_with_fetch_gives_what_is_shown(served: Served, visit: Any) -> None:
    [(script, output)] = re.findall(r"```js\n(.*?)```.*?```text\n(.*?)```", SERVE, re.DOTALL)
    page = visit(served, "/docs")
    script = script.replace("http://127.0.0.1:8765", served.base)
    found = page.evaluate(f"async () => {{ {script} }}")
    assert found[: len(output.strip().splitlines())] == output.strip().splitlines()
