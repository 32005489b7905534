"""What queued products still lack: which requests, with which bodies, under which keys."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from vitrina.db.database import Database, Jsonb
from vitrina.enrich.stages import OpenAIStages, anew
from vitrina.errors import FolderError, PictureError
from vitrina.ledger import Question
from vitrina.models.base import Subject
from vitrina.models.openai.batch import estimate_tokens, line
from vitrina.models.openai.requests import Body
from vitrina.models.prompts import Stage, clean_line
from vitrina.pictures.decode import Picture
from vitrina.pictures.limits import Limits
from vitrina.pictures.loader import Folders, PictureLoader

CAP = 3  # times one request is put into a batch


class KeptPictures(PictureLoader):
    """Loads a picture once for a page of products, so that all who look see the same one."""

    def __init__(self, limits: Limits, folders: Folders | None = None) -> None:
        super().__init__(limits, folders)
        self._kept: dict[tuple[str, str | None], Picture | PictureError] = {}

    def load(self, reference: str, root: str | None) -> Picture:
        """See PictureLoader."""
        kept = self._kept.get((reference, root))
        if kept is None:
            try:
                kept = super().load(reference, root)
            except PictureError as exc:
                kept = exc
            self._kept[reference, root] = kept
        if isinstance(kept, PictureError):
            raise kept
        return kept

    def forget(self) -> None:
        """Begin a new page."""
        self._kept.clear()


@dataclass(frozen=True, slots=True)
class Request:
    """One request to put into a batch; `attempts` is how often it was before."""

    product_id: int
    version: int
    subject: Subject
    image_url: str | None
    question: Question
    attempts: int
    description: str = ""

    @property
    def custom_id(self) -> str:
        """Names its stage and its key, so that an answer always finds its place."""
        return f"{self.question.stage}:{self.question.key.hex()}:{self.attempts + 1}"

    @property
    def picture(self) -> tuple[int, int] | None:
        """The size of its picture."""
        picture = self.subject.picture
        return (picture.width, picture.height) if picture else None

    def row(self) -> dict[str, object]:
        """As the database finds and keeps it."""
        return {
            "custom_id": self.custom_id,
            "product_id": self.product_id,
            "version": self.version,
            "stage": self.question.stage,
            "input_hash": self.question.key.hex(),
            "model": self.question.model,
            "prompt_version": self.question.prompt_version,
            "attempts": self.attempts + 1,
        }


@dataclass(slots=True)
class Checked:
    """A page of products: (id, version) of those that lack nothing, requests of those that do.

    Ready are also those whose picture this process may not read: a pipeline refuses them.
    `hopeless` are the ids of those that batches give no answer for.
    """

    ready: list[tuple[int, int]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    hopeless: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Look:
    """A product under examination; `found` has its stored answers by stage."""

    product_id: int
    version: int
    subject: Subject
    image_url: str | None
    found: dict[str, Any] = field(default_factory=dict)
    lacking: list[Request] = field(default_factory=list)
    awaited: bool = False
    hopeless: bool = False
    refused: bool = False


class Asker:
    """Looks at queued products as a pipeline would, and says what it would ask."""

    def __init__(
        self,
        database: Database,
        stages: OpenAIStages,
        pictures: KeptPictures,
        *,
        one_call: bool,
        threads: int,
    ) -> None:
        self._database = database
        self._stages = stages
        self.provider = stages.provider
        self._pictures = pictures
        self._first: tuple[Stage, ...] = ("enrich",) if one_call else ("tag", "describe")
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="vitrina-look")

    def check(self, rows: Sequence[dict[str, Any]]) -> Checked:
        """What these rows of products_to_batch lack."""
        looks = list(self._pool.map(self._look, rows))
        asked: list[tuple[_Look, Request]] = []
        for look in looks:
            if look.refused:
                continue
            shown = self._stages.shown(look.subject, look.image_url)
            asked += [(look, self._request(look, stage, *shown)) for stage in self._first]
        self._find(asked)
        described = [look for look in looks if "describe" in look.found]
        self._find([(look, self._caption(look)) for look in described])
        checked = Checked()
        for look in looks:
            if look.hopeless:
                checked.hopeless.append(look.product_id)
            elif look.lacking:
                checked.requests += look.lacking
            elif not look.awaited:
                checked.ready.append((look.product_id, look.version))
        return checked

    def body(self, request: Request) -> Body:
        """The body of a request; a second one allows a longer and another answer."""
        stage: Stage = request.question.stage  # type: ignore[assignment]
        hints = self._stages.near(request.subject.title) if stage in ("tag", "enrich") else ()
        subject = Subject(request.subject.title) if stage == "caption" else request.subject
        again = request.attempts > 0
        return self.provider.request_body(
            stage,
            subject,
            description=request.description,
            hints=hints,
            image_url=None if again and subject.picture else request.image_url,
            least=self.provider.settings.max_tokens if again else 0,
            again=again,
        )

    def written(self, requests: Sequence[Request]) -> list[tuple[bytes, int]]:
        """The line of each request with its input tokens, estimated."""
        return list(self._pool.map(self._written, requests))

    def _written(self, request: Request) -> tuple[bytes, int]:
        body = self.body(request)
        tokens = estimate_tokens(body, self.provider.settings.detail, request.picture)
        return line(request.custom_id, body), tokens

    def _look(self, row: dict[str, Any]) -> _Look:
        picture, image, refused = None, row["image"], False
        if image is not None:
            try:
                picture = self._pictures.load(image, row["image_root"])
            except PictureError as exc:
                refused = isinstance(exc, FolderError)
        url = image if image and "://" in image[:10] else None
        subject = Subject(row["title"], row["attributes"], picture, row["text"], asked=row["asked"])
        look = _Look(row["product_id"], row["version"], subject, url, refused=refused)
        if refused:
            return look
        address = url if self.provider.settings.image_urls else None
        look.hopeless = not clean_line(row["title"]) and picture is None and not address
        return look

    def _request(self, look: _Look, stage: Stage, *shown: object, description: str = "") -> Request:
        return Request(
            look.product_id,
            look.version,
            look.subject,
            look.image_url,
            self._stages.question(stage, *shown),
            0,
            description,
        )

    def _caption(self, look: _Look) -> Request:
        title, description = look.subject.title, str(look.found["describe"])
        shown = (title, description, *anew(look.subject))
        return self._request(look, "caption", *shown, description=description)

    def _find(self, asked: list[tuple[_Look, Request]]) -> None:
        """Sort requests into found, awaited, lacking and hopeless."""
        if not asked:
            return
        rows = self._database.rows(
            "select * from vitrina.find_requests(%s)",
            (Jsonb([request.row() for _, request in asked]),),
        )
        for row, (look, request) in zip(rows, asked, strict=True):
            if row["output"] is not None:
                look.found[request.question.stage] = row["output"]
            elif row["is_open"]:
                look.awaited = True
            elif row["attempts"] is None or row["attempts"] >= CAP:
                look.hopeless = True
            else:
                look.lacking.append(replace(request, attempts=row["attempts"]))

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)
