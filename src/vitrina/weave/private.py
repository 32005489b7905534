"""The names of weave that are not public and that vitrina needs, each once.

A weave without one of them traces all the same: only what the name is for is lost. `missing` tells.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

Send = Callable[..., object]

SENDERS = ("calls", "start of a call", "end of a call")
MAKERS = ("ops", "files")
QUEUES = ("queue of calls", "queue of feedback")

NAMES = {  # where it is (in a module, the client's server, or its queues), and its name
    # asks a package index for newer versions, at every start
    "version check": ("weave.trace.init_message", "_print_version_check"),
    # can leave a project that does not exist alone
    "init": ("weave.trace.weave_init", "init_weave"),
    # forgets the client; weave.finish would wait for what is to be sent
    "finish": ("weave.trace.weave_init", "finish"),
    # five minutes, for calls without an end
    "wait": ("weave.trace_server_bindings.call_batch_processor", "FLUSH_TIMEOUT_SECONDS"),
    # what goes out: watched, to see whether the server takes it
    "calls": ("server", "_send_calls_complete_to_server"),
    "start of a call": ("server", "_send_call_start_v2"),
    "end of a call": ("server", "_send_call_end_v2"),
    "ops": ("server", "obj_create"),
    "files": ("server", "file_create"),
    # the generated client, which tries everything three times
    "client": ("server", "_stainless_client"),
    # what waits to be sent
    "queue of calls": ("server", "get_call_processor"),
    "queue of feedback": ("server", "get_feedback_processor"),
    # ends a queue where nobody waits for it
    "end": ("queue", "stop_accepting_work_event"),
    # is called at the end of the process, and waits
    "exit": ("queue", "stop_accepting_new_work_and_flush_queue"),
}


def missing(client: Any) -> list[str]:
    """The names that this version of weave does not have."""
    lacks = []
    for key, (place, name) in NAMES.items():
        try:
            _find(key, client)
        except Exception:  # whatever another version does
            lacks.append(f"{place}.{name}")
    return lacks


def ask_for_no_versions() -> None:
    """Let weave not look for newer versions of itself."""
    with suppress(Exception):
        module, name = _find("version check")
        setattr(module, name, lambda: None)


def client_of_existing(project: str) -> Any:
    """weave's client for a project; one that does not exist is not made."""
    try:
        module, name = _find("init")
    except Exception:  # then it is made
        import weave

        return weave.init(project)
    return getattr(module, name)(project, ensure_project_exists=False)


def watch(client: Any, watched: Callable[[Send, bool], Send]) -> None:
    """Put `watched(send, it makes what calls refer to)` in the place of all that sends; once."""
    for key in SENDERS + MAKERS:
        with suppress(Exception):
            server, name = _find(key, client)
            setattr(server, name, watched(getattr(server, name), key in MAKERS))
    with suppress(Exception):
        server, name = _find("client", client)
        setattr(server, name, getattr(server, name).copy(max_retries=0))


def hurry(client: Any) -> None:
    """Wait neither for calls without an end nor for feedback, of which there is none."""
    with suppress(Exception):
        module, name = _find("wait")
        setattr(module, name, 1)
    for queue in _queues(client, "queue of feedback"):
        _end(queue)


def leave(client: Any) -> None:
    """Forget weave's client, whatever waits to be sent; it does not hold up the process's end."""
    with suppress(Exception):
        module, name = _find("finish")
        getattr(module, name)()
    for queue in _queues(client, *QUEUES):
        with suppress(Exception):
            atexit.unregister(getattr(queue, NAMES["exit"][1]))
        _end(queue)


def _find(key: str, client: Any = None) -> tuple[Any, str]:
    """Where a name is, and the name. Raises AttributeError, ImportError where it is not."""
    place, name = NAMES[key]
    if place == "queue":
        holder = next(_queues(client, *QUEUES))
    else:
        holder = client.server if place == "server" else import_module(place)
    getattr(holder, name)
    return holder, name


def _queues(client: Any, *keys: str) -> Iterator[Any]:
    for key in keys:
        with suppress(Exception):
            server, name = _find(key, client)
            yield getattr(server, name)()


def _end(queue: Any) -> None:
    with suppress(Exception):
        getattr(queue, NAMES["end"][1]).set()
