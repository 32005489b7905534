"""files/zip_pictures.py: pictures beside the table in a zip, which may be hostile."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from vitrina.files import Product, open_products, zip_pictures
from vitrina.files.zip_pictures import ZipPictures


def zipped(path: Path, **members: bytes) -> Path:
    """A zip; `__` in a name stands for `/`, `_dot_` for `.`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return path


@pytest.mark.parametrize(
    "reference", ["images/a.jpg", "shop/images/a.jpg", "./images/a.jpg", "a.jpg", " images/a.jpg "]
)
def test_a_picture_is_found_from_the_table_from_the_zip_and_by_its_name(
    tmp_path: Path, reference: str
) -> None:
    path = zipped(tmp_path / "s.zip", shop__images__a_dot_jpg=b"picture", shop__b_dot_txt=b"no")
    root = tmp_path / "root"
    with ZipPictures(path, "shop/products.csv") as pictures:
        assert len(pictures) == 1
        assert pictures.stamp(reference) is not None
        pictures.unpack([reference], root)
        assert pictures.notices() == []
    assert (root / reference.strip()).read_bytes() == b"picture"


@pytest.mark.parametrize(
    "reference",
    ["../a.jpg", "/a.jpg", "x/../../a.jpg", "https://x.test/a.jpg", "..\\a.jpg", "a\0.jpg", ""],
)
def test_a_path_that_leads_out_is_no_picture_of_the_zip(tmp_path: Path, reference: str) -> None:
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.jpg", "../a.jpg", "/a.jpg", "..\\a.jpg"):
            archive.writestr(zipfile.ZipInfo(name), b"picture")
    root = tmp_path / "below" / "root"
    with ZipPictures(path, "products.csv") as pictures:
        assert pictures.stamp(reference) is None
        pictures.unpack([reference], root)
    assert [one.name for one in tmp_path.rglob("*")] == ["s.zip"]


def test_links_folders_and_hidden_files_are_no_pictures(tmp_path: Path) -> None:
    path = tmp_path / "s.zip"
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, b"/etc/passwd")
        archive.writestr("folder.jpg/", b"")
        archive.writestr("__MACOSX/a.jpg", b"x")
        archive.writestr("._a.jpg", b"x")
    with ZipPictures(path, "products.csv") as pictures:
        assert len(pictures) == 0


def test_a_name_that_two_folders_have_is_not_guessed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "s.zip", red__a_dot_jpg=b"red", blue__a_dot_jpg=b"blue")
    with ZipPictures(path, "products.csv") as pictures:
        assert pictures.stamp("a.jpg") is None
        assert pictures.stamp("red/a.jpg") != pictures.stamp("blue/a.jpg")


def test_what_is_too_large_is_not_unpacked_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_pictures, "MAX_PICTURE", 100)
    monkeypatch.setattr(zip_pictures, "MAX_TOTAL", 150)
    path = zipped(
        tmp_path / "s.zip", a_dot_jpg=b"a" * 100, b_dot_jpg=b"b" * 101, c_dot_jpg=b"c" * 100
    )
    root = tmp_path / "root"
    with ZipPictures(path, "products.csv") as pictures:
        pictures.unpack(["a.jpg", "b.jpg", "c.jpg"], root)
        (said,) = pictures.notices()
    assert said.startswith("2 pictures of the zip not unpacked; b.jpg: it is larger than")
    assert [one.name for one in root.iterdir()] == ["a.jpg"]


def test_a_zip_that_lies_about_a_size_is_not_believed(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", b"\0" * 1_000_000)
    size = (1_000_000).to_bytes(4, "little")
    (tmp_path / "s.zip").write_bytes(data.getvalue().replace(size, (10).to_bytes(4, "little")))
    root = tmp_path / "root"
    with ZipPictures(tmp_path / "s.zip", "products.csv") as pictures:
        pictures.unpack(["a.jpg"], root)
        assert len(pictures.notices()) == 1
    assert list(root.iterdir()) == []


def test_a_picture_that_is_there_stays_untouched(tmp_path: Path) -> None:
    path, root = zipped(tmp_path / "s.zip", a_dot_jpg=b"one"), tmp_path / "root"
    with ZipPictures(path, "products.csv") as pictures:
        pictures.unpack(["a.jpg"], root)
        before = (root / "a.jpg").stat().st_ino
        pictures.unpack(["a.jpg"], root)
        assert (root / "a.jpg").stat().st_ino == before
    zipped(path, a_dot_jpg=b"two")
    with ZipPictures(path, "products.csv") as pictures:
        pictures.unpack(["a.jpg"], root)
    assert (root / "a.jpg").read_bytes() == b"two"


def test_products_have_the_stamp_of_the_picture_in_the_zip(tmp_path: Path) -> None:
    table = b"id,title,image\n1,Lamp,images/a.jpg\n2,Mug,images/gone.jpg\n"
    path = zipped(tmp_path / "s.zip", products_dot_csv=table, images__a_dot_jpg=b"picture")
    with open_products(str(path)) as file:
        stamps = {one.external_id: one.image_stamp for one in file.products()
                  if isinstance(one, Product)}  # fmt: skip
    assert stamps["2"] is None
    assert str(stamps["1"]).startswith("7-")
    zipped(path, products_dot_csv=b"id,title\n1,Lamp\n", images__a_dot_jpg=b"picture")
    with open_products(str(path)) as file:
        list(file.products())
        assert any("1 picture is in the zip" in said for said in file.notices())
