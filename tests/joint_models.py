"""The tiny joint model of scripts/make_color_model.py, made once a run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "make_color_model.py"
NAMES = ("colors-vision", "colors-text")


def made(factory: pytest.TempPathFactory) -> Path:
    """A folder with both towers."""
    folder = factory.mktemp("models")
    write(folder)
    return folder


def write(folder: Path) -> None:
    """Make both towers in a folder."""
    spec = importlib.util.spec_from_file_location("make_color_model", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write(folder)
