"""Where the files of the package lie: in a checkout, or in a wheel."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"


def data_dir(name: str) -> Path:
    """The folder `sql` or `migrations`: of the checkout, or as shipped in the wheel."""
    here = Path(__file__).resolve().parents[1]
    checkout = here.parents[1]
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    return here / f"_{name}"
