"""The only door to PostgreSQL."""

from .merge import MergeOutcome
from .reading.history import CaseHistory
from .reading.integrity import Findings
from .reading.listing import BadCursor, CaseFilter, CasePage, CaseRow, ItemRow, TallyRow
from .reading.standing import STATES, Coverage, ElapsedHistogram
from .recompute import Difference
from .registry import Grant, Hall
from .store import Store, migrate, open_store

__all__ = [
    "STATES",
    "BadCursor",
    "CaseFilter",
    "CaseHistory",
    "CasePage",
    "CaseRow",
    "Coverage",
    "Difference",
    "ElapsedHistogram",
    "Findings",
    "Grant",
    "Hall",
    "ItemRow",
    "MergeOutcome",
    "Store",
    "TallyRow",
    "migrate",
    "open_store",
]
