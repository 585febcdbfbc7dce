"""The only door to PostgreSQL."""

from .audit import AuditLine, Deed, process_actor
from .incoming import Expected
from .merge import MergeOutcome
from .reading.history import CaseHistory
from .reading.integrity import Findings
from .reading.listing import BadCursor, CaseFilter, CasePage, CaseRow, ItemRow, TallyRow
from .reading.overview import Overview
from .reading.standing import Coverage
from .recompute import Difference
from .registry import Hall
from .store import Store, migrate, open_store
from .tokens import Grant, Token, hash_of

__all__ = [
    "AuditLine",
    "BadCursor",
    "CaseFilter",
    "CaseHistory",
    "CasePage",
    "CaseRow",
    "Coverage",
    "Deed",
    "Difference",
    "Expected",
    "Findings",
    "Grant",
    "Hall",
    "ItemRow",
    "MergeOutcome",
    "Overview",
    "Store",
    "TallyRow",
    "Token",
    "hash_of",
    "migrate",
    "open_store",
    "process_actor",
]
