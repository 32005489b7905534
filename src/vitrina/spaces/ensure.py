"""The space of the provider that enriches: made if need be, and used where nothing else is."""

from __future__ import annotations

import re

from vitrina.context import Context
from vitrina.errors import AccessError
from vitrina.models.openai.settings import OpenAISettings

THRESHOLD = 0.6  # of the recipe, for text-embedding-3-large


def space_name(endpoint: OpenAISettings) -> str:
    """The name of the space of an embedding model at its dimensions."""
    model = re.sub(r"[^a-z0-9._-]+", "-", endpoint.embedding_model.lower()).strip("-.")[:80]
    return f"openai-{model}-{endpoint.dimensions}"


def ensure_space(context: Context, endpoint: OpenAISettings) -> str:
    """The name of the endpoint's space, made if need be.

    It is put into use at once where no product has a vector in the one that is; else it is filled
    beside that one, so that search never breaks.
    """
    database = context.database
    name = space_name(endpoint)
    state = "select s.state from vitrina.spaces as s where s.name = %s"
    found = database.value(state, (name,))
    try:
        if found is None:
            database.value(
                "select vitrina.import_space(%s, 'openai', %s, %s, %s::real)",
                (name, endpoint.embedding_model, endpoint.dimensions, THRESHOLD),
            )
        if found in (None, "building") and not database.value(
            "select exists (select from vitrina.product_embeddings as e"
            " join vitrina.spaces as s on s.id = e.space_id"
            " where s.modality = 'text' and s.state = 'active')"
        ):
            database.rows("select vitrina.use_space(%s)", (name,))
    except AccessError as exc:
        raise AccessError(
            f"the space {name} is not ready and this role may not make it: as the owner of the"
            f" schema, run: select vitrina.create_space('{name}', 'openai',"
            f" '{endpoint.embedding_model}', 'text', {endpoint.dimensions}, {THRESHOLD});"
        ) from exc
    if database.value(state, (name,)) != "active":
        context.notice(
            f"products are searched in another text space; {name} is filled beside it."
            f" To search in it: vitrina spaces activate {name}"
        )
    return name
