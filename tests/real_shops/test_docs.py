"""docs/shops.md, run from top to bottom on a real Oscar shop with vitrina's demo products."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result

import servers
from real_shops.kept_shops import installed
from shops import npm
from shops.goods import demo
from shops.rehearsal import ROLES, make_database
from shops.runs import Scene, oscar
from vitrina import embedded
from vitrina.db import schema

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"<!-- run: (?P<how>\w+) ?(?P<name>[\w.]*) -->\n```\w+\n(?P<code>.*?)```\n"
    r"(?:\n```text\n(?P<output>.*?)```\n)?",
    re.DOTALL,
)
needs_oscar = pytest.mark.skipif(
    importlib.util.find_spec("oscar") is None, reason="no django-oscar: run make .venv/.shops"
)


@dataclass(frozen=True)
class Example:
    """One example of the page, and what it says is printed."""

    how: str
    name: str
    code: str
    output: str | None


def examples() -> list[Example]:
    page = (ROOT / "docs" / "shops.md").read_text("utf-8")
    return [Example(m["how"], m["name"], m["code"], m["output"]) for m in BLOCK.finditer(page)]


@dataclass
class Reader:
    """Somebody who follows the page in a shop of their own."""

    scene: Scene
    folder: Path
    vitrina: Callable[..., Result]

    def follow(self, example: Example) -> str:
        """What the example prints."""
        follow: Callable[[Example], str] = getattr(self, example.how)
        return follow(example)

    def session(self, example: Example) -> str:
        printed = []
        for line in example.code.splitlines():
            if line.startswith("$ "):
                command = line.removeprefix("$ ").replace("/srv/shop/media", str(self.scene.folder))
                name, *arguments = shlex.split(command)
                assert name == "vitrina"
                result = self.vitrina(*arguments, url=self.scene.url(ROLES[1]))
                assert result.exit_code == 0, (command, result.stdout, result.stderr)
                printed.append(result.stdout)
        return "".join(printed)

    def file(self, example: Example) -> str:
        (self.folder / example.name).write_text(example.code)
        return ""

    def sql(self, example: Example, role: str = ROLES[0]) -> str:
        psql = embedded.psql_path(self.scene.server.version)
        return self.run([psql, "-v", "ON_ERROR_STOP=1", "-X", self.scene.url(role)], example.code)

    def dba(self, example: Example) -> str:
        return self.sql(example, "postgres")

    def shop(self, example: Example) -> str:
        return self.sql(example)

    def django(self, example: Example) -> str:
        return self.run(
            [sys.executable, "-W", "ignore", "-"], f"import django\ndjango.setup()\n{example.code}"
        )

    def sqlalchemy(self, example: Example) -> str:
        return self.run([sys.executable, "-"], example.code)

    def python(self, example: Example) -> str:
        return self.run([sys.executable, "-"], example.code)

    def node(self, example: Example) -> str | None:
        if npm.missing("vendure"):
            return example.output  # said by a test of its own
        return self.run(["node", "-"], example.code)

    def run(self, command: list[str | Path], code: str) -> str:
        environment = os.environ | {
            "DATABASE_URL": self.scene.url(ROLES[0]),
            "VITRINA_DATABASE_URL": self.scene.url(ROLES[1]),
            "DJANGO_SETTINGS_MODULE": "shops.oscar.settings",
            "NODE_PATH": str(npm.HOME / "vendure" / "node_modules"),
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            command, input=code, cwd=self.folder, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (code, done.stderr)
        return done.stdout


@pytest.fixture
def reader(
    server: embedded.Server,
    tmp_path: Path,
    vitrina: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> Iterator[Reader]:
    """Stands in a folder with a picture; the shop is filled, vitrina installed, nothing attached."""
    pictures, media = tmp_path / "pictures", tmp_path / "media"
    pictures.mkdir()
    media.mkdir()
    queries = ROOT / "src" / "vitrina" / "data" / "demo" / "queries"
    shutil.copy(queries / "armchair.webp", tmp_path)
    template, _ = installed(server, "oscar", servers.cache(pytestconfig.rootpath))
    goods, picture = demo(pictures), queries / "lamp.webp"
    scene = Scene(server, "docs_shop", media, goods, picture, template=template)
    make_database(server, scene.name, template)
    monkeypatch.chdir(tmp_path)
    with oscar(scene):
        schema.upgrade(scene.url(ROLES[1]))
        yield Reader(scene, tmp_path, vitrina)


@needs_oscar
def test_every_example_runs_and_prints_what_the_page_says(reader: Reader) -> None:
    found = examples()
    others: list[str] = []
    # the page explains the grants after the examples, and they come first
    for example in sorted(found, key=lambda one: one.how != "shop"):
        printed = reader.follow(example)
        if example.output is not None:
            if lines(printed) != lines(example.output):
                others.append(f"{example.code}\nprints:\n{printed}")
        elif example.how not in {"file", "session"}:
            assert printed.strip(), example.code
    assert not others, "\n".join(others)


def test_the_page_has_examples_of_every_kind() -> None:
    kinds = {"session", "file", "dba", "shop", "sql", "django", "sqlalchemy", "node", "python"}
    assert {example.how for example in examples()} == kinds


def test_node_is_there_for_its_example() -> None:
    if reason := npm.missing("vendure"):
        pytest.skip(f"the example of node-postgres is not run: {reason}")
    assert (npm.HOME / "vendure" / "node_modules" / "pg").is_dir()


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]
