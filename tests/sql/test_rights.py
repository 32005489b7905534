"""What each role may do, and what a writer cannot make a worker do."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from PIL import Image

import small_shop
from vitrina.batch.run import Run
from vitrina.catalog import Catalog
from vitrina.errors import ConfigError, PictureError
from vitrina.files import FileOptions, Mapping
from vitrina.models.openai.batch import Limits as BatchLimits
from vitrina.models.openai.settings import OpenAISettings
from vitrina.pictures.limits import Limits
from vitrina.pictures.loader import Folders, PictureLoader
from vitrina.settings import Settings

pytestmark = pytest.mark.once

READS = [
    "select * from vitrina.search('oak table')",
    "select * from vitrina.search('oak', mode => 'text', with_keywords => '{oak}')",
    "select * from vitrina.similar_products(1)",
    "select * from vitrina.get_products('{1}')",
    "select * from vitrina.nearest_by_image(dhash => 1::bit(64))",
    "select * from vitrina.recommend('{1}')",
    "select * from vitrina.facets()",
    "select * from vitrina.suggest('so')",
    "select * from vitrina.duplicates()",
    "select * from vitrina.similar_keywords('oak')",
    "select vitrina.embed_text('oak')",
    "select * from vitrina.embed_texts('{oak,metal}')",
    "select vitrina.query_embedding('oak')",
    "select * from vitrina.query_to_embed('oak')",
    "select vitrina.normal_form('Oaks')",
    "select vitrina.shown_address('https://a/b.jpg')",
    "select * from vitrina.explain_keyword('oak')",
    "select * from vitrina.show_keyword('oak')",
    "select * from vitrina.list_keywords()",
    "select * from vitrina.keyword_history()",
    "select * from vitrina.audit_keywords()",
    "select * from vitrina.space_status()",
    "select * from vitrina.unknown_terms('{oak}')",
    "select * from vitrina.catalog",
    "select * from vitrina.status",
    "select * from vitrina.source_status",
    "select * from vitrina.row_secured()",
]


@pytest.fixture
def as_role(
    database_url: str, make_role: Callable[..., str]
) -> Callable[[str], tuple[str, psycopg.Connection]]:
    """A function that gives the URL and a connection of a member of a role."""

    def connect(member_of: str) -> tuple[str, psycopg.Connection]:
        role = make_role(member_of)
        url = database_url.replace("postgres@", f"{role}@", 1)
        return url, psycopg.connect(url, autocommit=True)

    return connect


def picture(path: Path, shade: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (shade, 40, 200)).save(path)
    return path


def put(db: psycopg.Connection, source: str, image: str, code: str = "a") -> None:
    rows = json.dumps([{"external_id": code, "title": f"Oak desk {code}", "image": image}])
    db.execute("select vitrina.put_products(%s, %s)", [source, rows])


def errors_of(db: psycopg.Connection) -> dict[str, str | None]:
    return dict(
        db.execute("select external_id, image_error from vitrina.catalog order by 1").fetchall()
    )


def refused_of(db: psycopg.Connection) -> dict[str, str | None]:
    """The products that were refused, with the reason."""
    return dict(
        db.execute(
            "select external_id, error from vitrina.list_jobs('{failed}') order by 1"
        ).fetchall()
    )


# -- grants ----------------------------------------------------------------------------------------


def test_a_reader_can_call_each_public_reading_function(
    db: psycopg.Connection, as_role: Callable[[str], tuple[str, psycopg.Connection]]
) -> None:
    small_shop.put(db, small_shop.CATALOGUE)
    _, reader = as_role("vitrina_reader")
    with closing(reader):
        for query in READS:
            reader.execute(query)  # type: ignore[arg-type]


def test_a_reader_can_call_nothing_that_is_for_workers_and_owners(
    db: psycopg.Connection, as_role: Callable[[str], tuple[str, psycopg.Connection]]
) -> None:
    _, reader = as_role("vitrina_reader")
    with closing(reader):
        may = {
            row[0]
            for row in reader.execute(
                "select p.proname from pg_proc as p where p.pronamespace = 'vitrina'::regnamespace"
                " and has_function_privilege(p.oid, 'execute')"
            )
        }
        assert not may & {
            "find_generations", "find_requests", "products_to_batch", "list_jobs", "list_batches",
            "leasing_workers", "missing_embeddings", "keyword_hints", "check_seed", "cost",
            "put_products", "queue_products", "check_budget", "batch_allowance",
            "check",
        }  # fmt: skip
        helpers = [
            "input_hash", "rows_of", "source_query", "vocabulary_rows", "product_lexemes",
            "checked_answers", "checked_products",
        ]  # fmt: skip
        granted = reader.execute(
            "select p.proname from pg_proc as p"
            " where p.pronamespace = 'vitrina_internal'::regnamespace"
            " and p.proname = any(%s) and has_function_privilege(p.oid, 'execute')",
            [helpers],
        ).fetchall()
        assert granted == []


def test_an_upgrade_takes_older_grants_away(
    db: psycopg.Connection,
    database_url: str,
    as_role: Callable[[str], tuple[str, psycopg.Connection]],
) -> None:
    db.execute("grant execute on function vitrina.leasing_workers() to vitrina_reader")
    db.execute("grant delete on vitrina.generations to vitrina_writer")
    db.execute("delete from vitrina.installed where name = 'sql'")
    from vitrina.db import schema

    schema.upgrade(database_url)
    assert db.execute(
        "select has_function_privilege('vitrina_reader', 'vitrina.leasing_workers()', 'execute'),"
        " has_table_privilege('vitrina_writer', 'vitrina.generations', 'delete')"
    ).fetchone() == (False, False)


def test_a_reader_sees_no_spend_no_settings_and_no_queries(
    db: psycopg.Connection, as_role: Callable[[str], tuple[str, psycopg.Connection]]
) -> None:
    db.execute(
        "insert into vitrina.generations (stage, input_hash, provider, model, prompt_version,"
        " output, cost) values ('tag', 'x', 'openai', 'm', '1', '[]', 3)"
    )
    assert db.execute("select spend from vitrina.status").fetchone() == (Decimal(3),)
    _, reader = as_role("vitrina_reader")
    with closing(reader):
        assert reader.execute("select spend from vitrina.status").fetchone() == (None,)
        for query in ("select config from vitrina.sources", "select query from vitrina.wakes",
                      "select trusted_root from vitrina.sources",
                      "select * from vitrina.generations"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(query)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from vitrina.generations",
        "update vitrina.generations set output = '1'",
        "update vitrina.sources set trusted_root = '/'",
        "insert into vitrina.sources (name, kind, trusted_root) values ('x', 'file', '/')",
        "update vitrina.sources set name = 'other'",
        "update vitrina.batches set settings = '{}'",
        "update vitrina.batches set opened_by = 'postgres'",
        "insert into vitrina.batches (token, run, settings, base_url, model, opened_by)"
        " values ('t', 'r', '{}', 'u', 'm', 'postgres')",
        "delete from vitrina.batches",
        "insert into vitrina.budgets values ('total', 1)",
        "select vitrina.set_budget(1000)",
        "select vitrina.set_keyword_policy(mode => 'exact')",
        "update vitrina.installed set version = '0'",
        "delete from vitrina.keyword_changes",
        "update vitrina.attachments set query = 'select 1'",
    ],
)
def test_a_writer_may_not(
    db: psycopg.Connection,
    as_role: Callable[[str], tuple[str, psycopg.Connection]],
    statement: str,
) -> None:
    _, writer = as_role("vitrina_writer")
    with closing(writer), pytest.raises(psycopg.errors.InsufficientPrivilege):
        writer.execute(statement)  # type: ignore[arg-type]


@pytest.mark.parametrize("cost", ["-999", "NaN"])
def test_a_writer_cannot_widen_or_end_a_budget_by_a_cost(
    db: psycopg.Connection, as_role: Callable[[str], tuple[str, psycopg.Connection]], cost: str
) -> None:
    db.execute("insert into vitrina.batches (token, run, settings, base_url, model)"
               " values ('t', 'r', '{}', 'u', 'm')")  # fmt: skip
    _, writer = as_role("vitrina_writer")
    with closing(writer):
        for statement in (
            "insert into vitrina.generations (stage, input_hash, provider, model, prompt_version,"
            " output, cost) values ('tag', 'x', 'openai', 'm', '1', '[]', %s)",
            "update vitrina.batches set estimate = %s",
            "update vitrina.batches set cost = %s",
        ):
            with pytest.raises(psycopg.errors.CheckViolation):
                writer.execute(statement, [cost])  # type: ignore[arg-type]


# -- pictures --------------------------------------------------------------------------------------


def test_a_writer_cannot_have_a_worker_read_another_folder(
    db: psycopg.Connection,
    database_url: str,
    as_role: Callable[[str], tuple[str, psycopg.Connection]],
    tmp_path: Path,
) -> None:
    secret = picture(tmp_path / "secret" / "passport.png")
    picture(tmp_path / "shop" / "photos" / "desk.png")
    (tmp_path / "shop" / "photos" / "link.png").symlink_to(secret)
    _, writer = as_role("vitrina_writer")
    with closing(writer):
        for name, root in (("whole", "/"), ("secret", str(secret.parent)),
                           ("missing", str(tmp_path / "nowhere"))):  # fmt: skip
            config = json.dumps({"image_root": root})
            writer.execute("select vitrina.put_source(%s, 'file', %s)", [name, config])
        put(writer, "whole", str(secret)[1:], "exists")
        put(writer, "whole", str(secret)[1:] + "x", "exists-not")
        put(writer, "secret", "passport.png", "in-secret")
        put(writer, "missing", "passport.png", "in-missing")
        # below what the owner has named, a folder of the source's own is obeyed
        db.execute(
            "select vitrina.put_source('shop', 'file', %s)",
            [json.dumps({"image_root": str(tmp_path / "shop")})],
        )
        narrower = json.dumps({"image_root": str(tmp_path / "shop" / "photos")})
        writer.execute("select vitrina.put_source('shop', 'file', %s)", [narrower])
        put(writer, "shop", "desk.png", "desk")
        put(writer, "shop", "../../secret/passport.png", "above")
        put(writer, "shop", "../../secret/passport.pngx", "above-not")
        put(writer, "shop", "link.png", "link")
        put(writer, "shop", str(secret), "absolute")
        put(writer, "shop", f"file://{secret}", "address")
    with Catalog(settings=Settings(database_url=database_url)) as catalog:
        catalog.work()
    said = errors_of(db) | refused_of(db)
    assert db.execute("select count(*) from vitrina.images").fetchone() == (1,)
    assert said.pop("desk") is None
    assert all(said.values())

    def reason(code: str) -> str:
        return (said[code] or "").rpartition("passport")[2].partition(": ")[2]

    assert reason("exists") == reason("exists-not") == reason("in-secret") == reason("in-missing")
    assert "--image-root" in reason("exists")
    assert reason("above") == reason("above-not") == reason("absolute")
    assert "leads out" in reason("above")
    assert "leads out" in (said["link"] or "")
    assert "file: addresses are not read" in (said["address"] or "")


def test_a_source_made_anew_inherits_no_trust(
    db: psycopg.Connection, as_role: Callable[[str], tuple[str, psycopg.Connection]]
) -> None:
    db.execute("""select vitrina.put_source('shop', 'file', '{"image_root": "/srv"}')""")
    _, writer = as_role("vitrina_writer")
    with closing(writer):
        writer.execute("select vitrina.remove_source('shop')")
        writer.execute("""select vitrina.put_source('shop', 'file', '{"image_root": "/srv"}')""")
    assert db.execute("select trusted_root from vitrina.sources").fetchone() == (None,)


def test_who_names_a_folder_in_this_process_may_read_it(
    db: psycopg.Connection,
    as_role: Callable[[str], tuple[str, psycopg.Connection]],
    tmp_path: Path,
) -> None:
    picture(tmp_path / "photos" / "desk.png")
    (tmp_path / "desks.csv").write_text("id,title,image\n1,Oak desk,desk.png\n")
    url, writer = as_role("vitrina_writer")
    writer.close()
    mapping = Mapping(image_root=tmp_path / "photos")
    with Catalog(settings=Settings(database_url=url)) as catalog:
        catalog.ingest(tmp_path / "desks.csv", options=FileOptions(mapping))
    assert errors_of(db) == {"1": None}
    db.execute("select vitrina.queue_products(array(select id from vitrina.products))")
    with Catalog(settings=Settings(database_url=url)) as catalog:
        catalog.work()
    assert "--image-root" in (refused_of(db)["1"] or "")
    db.execute("select vitrina.retry_jobs()")
    settings = Settings(database_url=url, image_roots=(str(tmp_path),))
    with Catalog(settings=settings) as catalog:
        catalog.work()
    assert errors_of(db) == {"1": None}


def test_a_folder_behind_a_link_is_what_it_really_is(tmp_path: Path) -> None:
    picture(tmp_path / "secret" / "a.png")
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "door").symlink_to(tmp_path / "secret")
    loader = PictureLoader(Limits(), Folders([tmp_path / "open"]))
    with closing(loader), pytest.raises(PictureError, match="--image-root"):
        loader.load("a.png", str(tmp_path / "open" / "door"))
    with pytest.raises(PictureError, match="--image-root"):
        Folders([tmp_path / "open"]).real(str(tmp_path / "open-not"))


@pytest.mark.parametrize("way", ["ingest", "attach"])
def test_a_path_through_a_linked_folder_is_in_it(
    db: psycopg.Connection,
    database_url: str,
    vitrina: Callable[..., Result],
    tmp_path: Path,
    way: str,
) -> None:
    picture(tmp_path / "real" / "a.png")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    outside = picture(tmp_path / "b.png")
    if way == "ingest":
        (tmp_path / "x.csv").write_text(f"id,title,image\n1,Desk,{link}/a.png\n2,Sofa,{outside}\n")
        done = vitrina(
            "ingest", str(tmp_path / "x.csv"), "--image-root", str(link), "--no-enrich",
            url=database_url,
        )  # fmt: skip
    else:
        db.execute("create table public.item (id int primary key, title text, image text)")
        db.execute(
            "insert into public.item values (1, 'Desk', %s), (2, 'Sofa', %s)",
            [f"{link}/a.png", str(outside)],
        )
        done = vitrina(
            "attach", "public.item", "--title", "title", "--image", "image",
            "--media-root", str(link), url=database_url,
        )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    with Catalog(settings=Settings(database_url=database_url)) as catalog:
        catalog.work()
    said = errors_of(db)
    assert said["1"] is None
    assert said["2"]


def test_image_root_of_the_environment_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINA_IMAGE_ROOT", "/srv/a:/srv/b")
    assert Settings.from_environment().image_roots == ("/srv/a", "/srv/b")


# -- batches ---------------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    settings = Settings(allow_private_images=True, max_cost=Decimal(100))
    return Run.begin(settings, None, BatchLimits())


def test_what_a_batch_was_told_is_bounded_by_who_collects(run: Run) -> None:
    stored = run.stored()
    with pytest.raises(ConfigError, match="allow-private-images"):
        Run.resume("r", stored, Settings())
    here = Settings(allow_private_images=True, max_cost=Decimal(2))
    assert Run.resume("r", stored, here).settings.max_cost == 2
    assert Run.resume("r", stored, Settings(allow_private_images=True)).settings.max_cost == 100
    unbound = stored | {"max_cost": None, "allow_private_images": False}
    assert Run.resume("r", unbound, here).settings.max_cost == 2
    assert not Run.resume("r", unbound, here).settings.allow_private_images
    assert Run.resume("r", stored, Settings(), trusted=True).settings.allow_private_images


def test_a_batch_cannot_say_where_the_key_goes(run: Run) -> None:
    stored = run.stored()
    stored["endpoint"] |= {"base_url": "http://evil.example/v1", "api_key": "sk-evil", "x": 1}
    resumed = Run.resume("r", stored, Settings(allow_private_images=True))
    assert resumed.base_url == "http://127.0.0.1:9/v1"
    assert OpenAISettings.of(resumed.settings).api_key == "sk-test"


@pytest.mark.parametrize(
    "change",
    [{"endpoint": 1}, {"max_cost": "NaN"}, {"max_cost": "much"}, {"limits": [1]}, {"limits": None}],
)
def test_settings_that_were_changed_are_an_error_and_no_traceback(
    run: Run, change: dict[str, object]
) -> None:
    with pytest.raises(ConfigError):
        Run.resume("r", run.stored() | change, Settings(allow_private_images=True))
    with pytest.raises(ConfigError):
        Run.resume("r", {}, Settings())


def test_who_opened_a_batch_is_kept(
    db: psycopg.Connection, as_role: Callable[[str], tuple[str, psycopg.Connection]]
) -> None:
    _, writer = as_role("vitrina_writer")
    with closing(writer):
        writer.execute("select vitrina.open_batch('t', 'r', '{}', 'u', 'm')")
        role = writer.info.user
    assert db.execute("select opened_by from vitrina.batches").fetchone() == (role,)


# -- addresses -------------------------------------------------------------------------------------

SIGNED = (
    "https://me:pw@cdn.example/a.jpg?w=200&X-Amz-Credential=AK&X-Amz-Expires=60&X-Amz-Signature=ff"
)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (SIGNED, "https://cdn.example/a.jpg?w=200&X-Amz-Credential=***&X-Amz-Expires=***"
                 "&X-Amz-Signature=***"),
        ("//u:p@h/a.jpg", "//h/a.jpg"),
        ("HTTP://u@h/a.jpg", "HTTP://h/a.jpg"),
        ("https://h/a.jpg?sv=1&sig=a%2Fb&se=9#x", "https://h/a.jpg?sv=1&sig=***&se=***#x"),
        ("https://h/a@2x.jpg?size=2", "https://h/a@2x.jpg?size=2"),
        ("photos/a@2x.jpg", "photos/a@2x.jpg"),
        ("https://h/a.jpg?Token=1;TOKEN=2", "https://h/a.jpg?Token=***;TOKEN=***"),
        (None, None),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_its_secrets(
    db: psycopg.Connection, address: str | None, shown: str | None
) -> None:
    from vitrina.redaction import shown_address

    assert db.execute("select vitrina.shown_address(%s)", [address]).fetchone() == (shown,)
    if address is not None:
        assert shown_address(address) == shown


def test_search_and_export_show_no_signature_and_workers_get_it_whole(
    db: psycopg.Connection, catalog: Catalog
) -> None:
    ids = small_shop.put(db, small_shop.CATALOGUE)
    db.execute("update vitrina.products set image = %s, url = 'https://u:pw@h/p'", [SIGNED])
    hits = catalog.search("oak table")
    exported = list(catalog.export())
    for text in (str(hits), str(exported)):
        assert "pw" not in text
        assert "Signature=ff" not in text
        assert "Signature=***" in text
    db.execute("select vitrina.queue_products(%s)", [list(ids.values())])
    (job,) = db.execute("select image from vitrina.claim_jobs('w', 1)").fetchall()
    assert job[0] == SIGNED


# -- thumbnails ------------------------------------------------------------------------------------


def put_image(conn: psycopg.Connection, shade: str) -> None:
    row = {"sha256": shade * 64, "mime": "image/png", "width": 1, "height": 1, "bytes": 1,
           "thumbnail": "AA==", "dhash": "0" * 64}  # fmt: skip
    conn.execute("select vitrina.put_images(%s)", [json.dumps([row])])


def test_thumbnails_go_with_their_source(db: psycopg.Connection) -> None:
    for name, shade in (("shop", "a"), ("other", "b")):
        db.execute("select vitrina.put_source(%s)", [name])
        put(db, name, "x.png")
        put_image(db, shade)
        db.execute(
            "update vitrina.products as p set image_sha256 = decode(%s, 'hex')"
            " from vitrina.sources as s where s.id = p.source_id and s.name = %s",
            [shade * 64, name],
        )
    db.execute("select vitrina.remove_source('shop')")
    assert db.execute("select encode(sha256, 'hex') from vitrina.images").fetchall() == [
        ("b" * 64,)
    ]


def test_detach_takes_the_thumbnails_that_only_it_had(db: psycopg.Connection) -> None:
    db.execute("create table public.item (id int primary key, title text)")
    db.execute("insert into public.item values (1, 'Desk'), (2, 'Sofa')")
    db.execute("select vitrina.attach_table('public.item', 'title')")
    db.execute("select * from vitrina.sync_sources()")
    db.execute("select vitrina.put_source('file')")
    put(db, "file", "x.png", "9")
    for shade in "abc":
        put_image(db, shade)
    for code, shade in (("1", "a"), ("2", "b"), ("9", "b")):
        db.execute(
            "update vitrina.products set image_sha256 = decode(%s, 'hex') where external_id = %s",
            [shade * 64, code],
        )
    assert db.execute("select vitrina.detach('item')").fetchone() == (2,)
    # c is of no source: a look through all of them is the workers'
    assert db.execute(
        "select left(encode(sha256, 'hex'), 1) from vitrina.images order by 1"
    ).fetchall() == [("b",), ("c",)]


def test_a_thumbnail_that_a_worker_is_about_to_use_stays(
    db: psycopg.Connection, database_url: str
) -> None:
    db.execute("select vitrina.put_source('shop')")
    put(db, "shop", "x.png")
    put_image(db, "a")
    with psycopg.connect(database_url) as worker:
        put_image(worker, "a")
        assert db.execute("select vitrina.collect_images()").fetchone() == (0,)
        worker.execute("update vitrina.products set image_sha256 = decode(%s, 'hex')", ["a" * 64])
    assert db.execute("select vitrina.collect_images()").fetchone() == (0,)
    db.execute("update vitrina.products set image_sha256 = null")
    assert db.execute("select vitrina.collect_images()").fetchone() == (1,)
