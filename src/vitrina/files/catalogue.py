"""A file of products: how it is read, its products one by one, and the notices about them."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from vitrina.errors import InputError
from vitrina.files import formats, image_lists, names
from vitrina.files.earlier import earlier_reading
from vitrina.files.formats.base import Format, Reader, Setup
from vitrina.files.groups import Groups, grouping
from vitrina.files.items import LeftOut, Product, Reject, Repeat
from vitrina.files.mapping import Mapping
from vitrina.files.opening import NO_OPENERS, Openers, open_file
from vitrina.files.reading import Reading, Tally
from vitrina.files.rows import BadRow, Row, RowFile
from vitrina.files.seen import SeenIds
from vitrina.files.survey import Survey
from vitrina.printing import counted

_SHOWN = 40  # columns named in an error
_PRICES = ("price", "sale_price", "was_price")
_CODES = ("external_id", "sku", "ean", "mpn", "group")
_TELLING = ("size", "color", "material", "sku", "ean", "mpn")  # forms of a product


Rows = Generator[Row | BadRow, None, None]
Read = Callable[[bool], Rows]


@dataclass(slots=True)
class ProductFile:
    """A file of products, opened.

    `reading` says how it is read, `tally` what came out once `products` is at its end.
    """

    file: RowFile
    mapping: Mapping
    format: Format
    setup: Setup
    reading: Reading
    limit: int | None = None
    tally: Tally = field(default_factory=Tally)
    pictures: list[str] = field(default_factory=list)

    def products(self, read: Read | None = None) -> Iterator[Product | Repeat | Reject]:
        """Each product, in the order of the file; rows that cannot be used come as rejects.

        Args:
            read: gives the rows instead of the file: told whether it is the first look at them.

        Raises InputError where no row can ever be used.
        """

        def own(look: bool) -> Rows:
            return self.file.read()

        reader = self.format.reader(self.setup)
        with grouping(reader) as groups, closing(self._seen_ids()) as seen:
            if read is None and self.file.cells is not None and self._is_simple(reader):
                self._survey_cells(reader, self.file.cells())
            else:
                self._survey(reader, groups, (read or own)(True))
            rows = self._rows(reader, (read or own)(False))
            found = groups.gather(rows) if self._groups(reader) else _alone(rows)
            for group in found:
                if isinstance(group, BadRow):
                    self.tally.rejected += 1
                    yield Reject(group.line, None, group.reason)
                    continue
                for item in reader.products(*group):
                    if isinstance(item, LeftOut):
                        self.tally.left_out[item.reason] += item.rows
                    else:
                        yield self._counted(item, seen)
        self.tally.said.update(self.setup.said)
        self.tally.bad_prices = self.setup.bad_prices
        self.tally.bad_price_count = self.setup.bad_price_count

    def again(self) -> ProductFile:
        """The same file, to be read from its start with counts of its own."""
        setup = replace(self.setup, kinds={}, said=Counter(), bad_prices=[], bad_price_count=0)
        return replace(self, setup=setup, tally=Tally(), pictures=[])

    def _seen_ids(self) -> SeenIds:
        columns = self.reading.columns
        telling = [column for name in _TELLING for column in columns.get(name, ())]
        own = columns.get("external_id", ())[:1] if self.format.name == "plain" else ()
        remedy = "".join(f" (--map group={name} makes such rows variants)" for name in own)
        return SeenIds([*dict.fromkeys(telling), "price"], remedy)

    def _groups(self, reader: Reader) -> bool:
        return reader.groups or bool(self.reading.columns.get("group"))

    def _rows(self, reader: Reader, rows: Rows) -> Iterator[Row | BadRow]:
        reader.restart()
        with closing(rows):
            for row in itertools.islice(rows, self.limit):
                yield row if isinstance(row, BadRow) else reader.prepare(row)

    def _survey(self, reader: Reader, groups: Groups, rows: Rows) -> None:
        """Look at the whole file: the kinds of its columns, and which rows belong together."""
        survey = self._new_survey()
        grouped = self._groups(reader)
        total = 0
        for row in self._rows(reader, rows):
            total += 1
            if isinstance(row, Row):
                survey.add(row.values)
                if grouped:
                    groups.note(row)
        self._surveyed(reader, survey, total)

    def _is_simple(self, reader: Reader) -> bool:
        """Whether a look at the cells is enough: each row stands alone, as it is."""
        changed = type(reader).prepare is not Reader.prepare
        distinct = len(set(self.file.columns)) == len(self.file.columns)
        return distinct and not (changed or self._groups(reader))

    def _survey_cells(self, reader: Reader, rows: Generator[list[str], None, None]) -> None:
        """Look at the cells of the whole file."""
        survey = self._new_survey()
        with closing(rows) as cells:
            for row in itertools.islice(cells, self.limit):
                survey.add_cells(self.file.columns, row)
        self._surveyed(reader, survey, survey.rows)

    def _new_survey(self) -> Survey:
        fields = self.reading.columns
        return Survey(
            {column for name in _PRICES for column in fields.get(name, ())},
            {column for name in _CODES for column in fields.get(name, ())},
        )

    def _surveyed(self, reader: Reader, survey: Survey, total: int) -> None:
        if not total:
            raise InputError(f"{self.file.name} has no rows below its header")
        self.tally.rows = total
        self.setup.kinds.update(survey.kinds())
        self.pictures = survey.pictures()
        reader.forget()

    def _counted(self, item: Product | Reject, seen: SeenIds) -> Product | Repeat | Reject:
        """The item with an id, counted."""
        tally = self.tally
        result: Product | Repeat | Reject = item
        if isinstance(item, Product):
            if item.image:
                item.image_stamp = self._stamp(item.image)
            if item.external_id:
                result = seen.checked(item)
            else:
                tally.made_ids += 1
                result = seen.numbered(item)
        if isinstance(result, Product):
            tally.products += 1
            tally.variants += len(result.variants)
            tally.pictures += len(result.images)
            tally.without_picture += not result.image
        elif isinstance(result, Repeat):
            tally.repeated += 1
        else:
            tally.rejected += 1
        return result

    def _stamp(self, image: str) -> str | None:
        if self.mapping.image_root is not None:
            return _stamp(image, self.mapping.image_root)
        return self.file.pictures.stamp(image) if self.file.pictures is not None else None

    def notices(self) -> list[str]:
        """Notices about the reading for a person, each with the option that mends it."""
        tally, columns = self.tally, self.reading.columns
        said = [*self.file.said]
        for what, count in tally.said.items():
            said.append(f"{what} in {counted(count, 'row')}" + _remedy(what))
        if tally.made_ids:
            if columns.get("external_id"):
                said.append(
                    counted(tally.made_ids, "product has", "products have")
                    + " no id: it is made from address, picture and title"
                    + f" ({columns['external_id'][0]} is empty; --map external_id=COLUMN)"
                )
            else:
                said.append(
                    "no column looks like an id: ids are made from address, picture and title, so"
                    " a new title makes a new product (--map external_id=COLUMN)"
                )
        if tally.products and not tally.pictures:
            said.append(self._no_picture())
        elif tally.without_picture:
            said.append(
                f"{counted(tally.without_picture, 'product has', 'products have')} no picture"
            )
        if tally.bad_price_count:
            shown = "; ".join(
                f"line {line}, {column}: {text!r}" for line, column, text in tally.bad_prices
            )
            more = tally.bad_price_count - len(tally.bad_prices)
            said.append(
                counted(tally.bad_price_count, "price is not a number", "prices are not numbers")
                + f": {shown}"
                + (f" and {more:,} more" if more else "")
            )
        return said

    def _no_picture(self) -> str:
        zipped = self.file.pictures
        if zipped is not None and not self.reading.columns.get("image") and not self.setup.image:
            return (
                f"{counted(len(zipped), 'picture is', 'pictures are')} in the zip, but no column"
                " is called like a picture (--map image=COLUMN, or --image '{id}.jpg')"
            )
        if self.reading.columns.get("image"):
            missing = f"no product has a picture: {self.reading.columns['image'][0]} is empty"
        else:
            missing = "no column is called like a picture"
        known = {*self.reading.columns.get("url", ()), *self.reading.columns.get("image", ())}
        others = [name for name in self.pictures if name not in known]
        if others:
            return (
                f"{missing}, but addresses of pictures stand in {', '.join(others[:10])}"
                f" (--map image={others[0]})"
            )
        if self.reading.columns.get("image"):
            return f"{missing} (--map image=COLUMN, or --image '{{id}}.jpg')"
        return "no column looks like a picture (--map image=COLUMN, or --image '{id}.jpg')"


def _remedy(what: str) -> str:
    if what.endswith("is empty"):
        return ": the next column of ids was taken"
    return ""


def _alone(rows: Iterator[Row | BadRow]) -> Iterator[tuple[str | None, list[Row]] | BadRow]:
    for row in rows:
        if isinstance(row, BadRow):
            yield row
        else:
            yield None, [row]


@contextlib.contextmanager
def open_products(
    path: str,
    *,
    name: str | None = None,
    mapping: Mapping | None = None,
    format: str | None = None,
    language: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    limit: int | None = None,
    reading: Reading | None = None,
    earlier: bool = False,
    openers: Openers = NO_OPENERS,
) -> Iterator[ProductFile]:
    """Open a file of products; its format is recognised, unless it is given or stored.

    Args:
        path, name: the file, as open_file takes it.
        mapping: the columns that a person chose for fields.
        format: the name of a format; recognised without it.
        language: of texts that a file has in several; English without it.
        encoding, delimiter: of its text; decided by evidence without them.
        sheet: of a workbook; the first with titles without it.
        limit: at most so many rows.
        reading: how the source was read before; only options given beside it differ.
        earlier: read it as the versions did that kept no reading, so that no product of the source
            gets another id.
        openers: functions that read paths with these beginnings.

    Raises:
        InputError: the file cannot be read, or no column is a title.
    """
    mapping = mapping or Mapping()
    if reading is not None:
        format = format or reading.format
        language = language or reading.language
        sheet = sheet or reading.sheet
    with open_file(
        path, name=name, encoding=encoding, delimiter=delimiter, sheet=sheet, openers=openers
    ) as file:
        if earlier:
            reading = earlier_reading(file)
            format = reading.format
            file.said.append("read as this source was before: --remap reads all that is known now")
        with image_lists.beside(file, mapping) as images:
            if images is not None:
                mapping = replace(mapping, image_root=images.root)
            yield opened_products(
                file,
                mapping=mapping,
                format=format,
                language=language,
                limit=limit,
                reading=reading,
                path_of=images.path_of if images is not None else None,
            )


def opened_products(
    file: RowFile,
    *,
    mapping: Mapping,
    format: str | None = None,
    language: str | None = None,
    limit: int | None = None,
    reading: Reading | None = None,
    path_of: Callable[[str], str | None] | None = None,
) -> ProductFile:
    """The products of a file that is open: see open_products.

    `path_of` gives the path of a picture that is named by an id.
    """
    if reading is not None and not mapping.columns and formats.is_own_export(file):
        format, reading = None, None  # however the source is read else
    chosen = formats.named(format) if format else formats.recognised(file)
    setup = Setup(
        file,
        names=names.extended(mapping.names) if mapping.names else names.built_in(),
        columns=dict(mapping.columns),
        image=mapping.image,
        language=language or "en",
        path_of=path_of,
    )
    reader = chosen.reader(setup)
    columns = _columns(file, reader)
    mapping.check(columns)
    fields = reader.found(columns)
    if reading is not None:
        fields = {name: reading.columns.get(name, []) for name in fields}
        fields |= {name: [column] for name, column in mapping.columns.items()}
        _still_there(fields, columns, file.name)
        setup.stored = fields
    if not fields["title"] and columns and not reader.titled:
        raise InputError(
            f"no column of {file.name} looks like a title, among: "
            f"{', '.join(columns[:_SHOWN])}; name the column of titles with --map title=COLUMN"
        )
    read = Reading(
        chosen.name,
        {name: found for name, found in fields.items() if found},
        setup.language,
        file.encoding,
        file.delimiter,
        mapping.image or (reading.image if reading is not None else None),
        file.sheet,
    )
    return ProductFile(file, mapping, chosen, setup, read, limit)


def _still_there(fields: dict[str, list[str]], columns: list[str], name: str) -> None:
    """Raises InputError where the columns that the source is read from are gone."""
    for field_name in ("title", "external_id"):
        named = fields.get(field_name, [])
        if named and not any(column.split(".")[0] in columns for column in named):
            raise InputError(
                f"{name} has no column {named[0]!r}, from which the {field_name} of this source is"
                f" read; there are: {', '.join(columns[:_SHOWN])} (--remap reads them anew)"
            )


def _columns(file: RowFile, reader: Reader) -> list[str]:
    """The columns as the format has them: some rename them."""
    keys: dict[str, None] = {}
    reader.restart()
    with closing(file.read()) as rows:
        for row in itertools.islice(rows, 20):
            if isinstance(row, Row):
                keys.update(dict.fromkeys(reader.prepare(row).values))
    return list(keys or file.columns)


def _stamp(image: str, root: Path) -> str | None:
    """Size and time of a picture on disk: tells that it was replaced without reading it."""
    if "://" in image:
        return None
    try:
        path = (root / image).resolve()
        if not path.is_relative_to(root.resolve()):  # it is never read, so nothing is said of it
            return None
        stat = path.stat()
    except (OSError, ValueError, RuntimeError):
        return None
    return f"{stat.st_size}-{stat.st_mtime_ns}"
