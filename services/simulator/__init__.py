"""A county's year as events, simulated and reproducible: for demonstrations, load and tests."""

from .county import County
from .stream import Sent, simulate

__all__ = ["County", "Sent", "simulate"]
