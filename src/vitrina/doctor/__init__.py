"""Checks everything that vitrina needs; each check says what it found and what to do."""

from vitrina.doctor.examination import examine
from vitrina.doctor.finding import Finding

__all__ = ["Finding", "examine"]
