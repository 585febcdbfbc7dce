"""Reproducible simulation of a county's year as events, for demonstrations, load tests and other tests."""

from .county import County
from .stream import Sent, simulate

__all__ = ["County", "Sent", "simulate"]
