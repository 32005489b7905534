"""A list of pictures beside a file whose products name pictures by an id: image_id, path."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from vitrina.errors import InputError
from vitrina.files.mapping import Mapping
from vitrina.files.opening import open_rows
from vitrina.files.rows import Row, RowFile

NAMES = ("images.csv", "images.csv.gz")
_BY_ID = "main_image_id"  # the column that names a picture by its id


class ImageList:
    """The path of each picture by its id, kept on disk: such a list has a line for each picture.

    Args:
        path: the list.
        root: the folder that its paths start at.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self.path, self.root = path, root
        self._db = sqlite3.connect("")
        self._db.execute("create table paths (id text primary key, path text) without rowid")
        with open_rows(str(path)) as rows:
            self._db.executemany(
                "insert or ignore into paths values (?, ?)",
                (
                    (str(row.values["image_id"]), str(row.values["path"]))
                    for row in rows
                    if isinstance(row, Row) and row.values.keys() >= {"image_id", "path"}
                ),
            )
        if not self._db.execute("select 1 from paths limit 1").fetchone():
            self.close()
            raise InputError(f"{path} has no columns image_id and path, or no rows below them")

    def path_of(self, image_id: str) -> str | None:
        """The path of a picture; None for an id that is not in the list."""
        found = self._db.execute("select path from paths where id = ?", (image_id,)).fetchone()
        return str(found[0]) if found else None

    def close(self) -> None:
        """Give back the disk."""
        self._db.close()


@contextlib.contextmanager
def beside(file: RowFile, mapping: Mapping) -> Iterator[ImageList | None]:
    """The list of pictures for a file whose products name pictures by an id, if there is a list.

    It is looked for beside the file, in the folder of the pictures, and in `metadata` beside them.
    """
    if _BY_ID not in file.columns:
        yield None
        return
    root = mapping.image_root
    folders = [file.folder] if file.folder is not None else []
    if root is not None:
        folders += [root, root / "metadata", root.parent / "metadata"]
    found = next(
        (folder / name for folder in folders for name in NAMES if (folder / name).is_file()), None
    )
    if found is None:
        file.said.append(
            f"products name their pictures by id ({_BY_ID}), and the list of paths is missing: put"
            f" {NAMES[0]} or {NAMES[1]} beside the file, and name the folder of the pictures with"
            " --image-root"
        )
        yield None
        return
    with contextlib.closing(ImageList(found, root or found.parent)) as images:
        file.said.append(f"paths of pictures ← {found.name}, below {images.root}")
        yield images
