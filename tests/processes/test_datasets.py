"""Datasets through weave's own client and a recording server: what goes out comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vitrina.catalog import Catalog
from vitrina.errors import InputError
from vitrina.files import BadRow, Row
from vitrina.products.load import load_file
from vitrina.weave import datasets
from waiting import HANG
from weave_recorder import WeaveRecorder

pytestmark = pytest.mark.once

Shell = Callable[..., "subprocess.CompletedProcess[str]"]
TITLES = 1203  # more than two pages
DATA_URL = "data:image/png;base64," + "iVBORw0KGgo" * 40


@pytest.fixture
def recorder() -> Iterator[WeaveRecorder]:
    with WeaveRecorder() as recorder:
        yield recorder


@pytest.fixture
def shell(recorder: WeaveRecorder, database_url: str, tmp_path: Path) -> Shell:
    """Run `python …` as a process of its own, with weave sent to the recorder."""

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        settings = {"VITRINA_DATABASE_URL": database_url, "HOME": str(tmp_path)}
        return subprocess.run(
            [sys.executable, *args],
            env={**os.environ, **settings, **recorder.environment},
            cwd=tmp_path,
            text=True,
            capture_output=True,
            timeout=HANG,
        )

    return run


@pytest.fixture
def stocked(catalog: Catalog, tmp_path: Path) -> Catalog:
    """A catalogue of furniture, enough for several batches and pages."""
    path = tmp_path / "furniture.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for n in range(TITLES):
            row = {
                "id": f"F{n}",
                "title": f"Oak sidetable № {n}, 40×40 cm",
                "price": n / 4,
                "size": {"width": 40},
                "image": DATA_URL if n == 7 else None,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    load_file(catalog.database, str(path), source="furniture")
    catalog.keywords.resolve(
        ["oak", "side table", "sidetable"], facets=["material", "type", "type"], learn=True
    )
    return catalog


def test_products_go_out_and_come_back_the_same(
    stocked: Catalog, shell: Shell, recorder: WeaveRecorder
) -> None:
    to = ["--dataset", "furniture-2026", "--weave", "team/shop"]
    sent = shell("-m", "vitrina", "export", *to)
    assert sent.returncode == 0, sent.stderr
    reference = sent.stdout.strip()
    assert reference.startswith("weave:///team/shop/object/furniture-2026:")
    assert sent.stderr == "published to team/shop\n"

    requests = [path for path, _ in recorder.bodies if path.endswith("/table/create")]
    assert len(requests) == 3
    assert len(recorder.rows) == TITLES
    published = recorder.objects["furniture-2026"][0]["val"]
    assert published["_type"] == "Dataset"
    row = next(row for row in recorder.rows.values() if row["external_id"] == "F7")
    assert row["image"].startswith("<data URL")
    assert row["attributes"] == {"price": 1.75, "size": {"width": 40}}
    assert not [key for key in row if "embedding" in key or key == "thumbnail"]
    assert not [body for _, body in recorder.bodies if b";base64," in body]

    latest = reference.rpartition(":")[0] + ":latest"
    got = shell("-m", "vitrina", "ingest", "--no-enrich", latest)
    assert got.returncode == 0, got.stderr
    assert "1,203 new" in got.stderr
    products = {
        source: {
            row.external_id: (row.title, row.attributes) for row in stocked.export(sources=[source])
        }
        for source in ("furniture", "furniture-2026")
    }
    assert len(products["furniture"]) == TITLES
    assert products["furniture"] == products["furniture-2026"]
    pages = [path for path, _ in recorder.bodies if path.endswith("/table/query")]
    assert len(pages) == 3


SCRIPT = """
import json, sys
from vitrina.weave import datasets
from vitrina.catalog import Catalog
from vitrina.errors import VitrinaError

POISONED = [{"external_id": "1", "title": "poison"}]

def refused(function):
    try:
        function()
    except VitrinaError as error:
        return [type(error).__name__, str(error)]

with Catalog() as catalog:
    told = {"reference": catalog.publish("words", what="vocabulary", project="shop")}
missing = "weave:///team/shop/object/words:v9"
told["missing"] = refused(lambda: next(datasets.read(missing)))
told["poisoned"] = refused(lambda: datasets.publish(POISONED, "x", project="team/shop"))
import weave
dataset = weave.ref(told["reference"]).get()
told["kind"] = f"{type(dataset).__module__}.{type(dataset).__name__}"
told["rows"] = [dict(row) for row in dataset.rows]
print(json.dumps(told, default=list))
"""


def test_the_vocabulary_goes_out_as_weave_s_own_datasets_do(
    stocked: Catalog, shell: Shell, recorder: WeaveRecorder
) -> None:
    recorder.status = {"poison": 403}
    done = shell("-c", SCRIPT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["reference"].startswith("weave:///team/shop/object/words:")
    assert told["kind"] == "weave.dataset.dataset.Dataset"
    assert sorted(told["rows"], key=lambda row: str(row["keyword"])) == [
        {"keyword": "oak", "facet": "material", "products": 0, "aliases": []},
        {"keyword": "side table", "facet": "type", "products": 0, "aliases": ["sidetable"]},
    ]
    kind, said = told["missing"]
    assert kind == "InputError"
    assert said.startswith("weave:///team/shop/object/words:v9 cannot be read")
    kind, said = told["poisoned"]
    assert kind == "TraceServerError"
    assert said.startswith("The trace server failed: Error code: 403")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--what", "vocabulary"],
        ["--weave", "x"],
        ["--dataset", "x", "--weave", "a/b", "--csv"],
        ["--dataset", "x", "--weave", "a/b", "--what", "vocabulary", "--source", "s"],
    ],
)
def test_export_options_that_do_not_go_together(
    vitrina: Callable[..., object], arguments: list[str]
) -> None:
    assert getattr(vitrina("export", *arguments), "exit_code") == 2  # noqa: B009


def test_nothing_to_publish_and_no_name(vitrina: Callable[..., object], database_url: str) -> None:
    for name, said in (("x", "no products to publish"), ("a/b", "cannot be the name of a dataset")):
        result = vitrina("export", "--dataset", name, "--weave", "a/b", url=database_url)
        assert getattr(result, "exit_code") == 1  # noqa: B009
        assert said in getattr(result, "stderr")  # noqa: B009


@pytest.mark.parametrize(
    "reference",
    ["weave:///", "weave:///team/shop", "weave:///team/shop/object/x", "weave:///t/s/op/x:v1"],
)
def test_references_that_are_none(reference: str) -> None:
    with pytest.raises(InputError, match="entity/project/object/name:version"):
        datasets.name_of(reference)
    with pytest.raises(InputError, match="entity/project/object/name:version"):
        next(datasets.read(reference))


def test_rows_of_others_come_in_as_they_are() -> None:
    assert datasets._row(3, {"title": "Chair", "attributes": {"a": 1}}) == Row(
        3, {"title": "Chair", "attributes": {"a": 1}}
    )
    for value in ("text", None, {"title": "a\0b"}, {"title": "\ud800"}):
        assert isinstance(datasets._row(3, value), BadRow)
