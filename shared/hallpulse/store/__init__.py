"""The only door to PostgreSQL."""

from .audit import AuditLine, Deed, Reading, process_actor
from .incoming import Expected
from .merge import MergeOutcome
from .reading.history import CaseHistory
from .reading.integrity import Findings
from .reading.listing import BadCursor, CaseFilter, CasePage, CaseRow, ItemRow, TallyRow
from .reading.overview import Overview
from .reading.standing import STATES, Coverage, ElapsedHistogram
from .recompute import Difference
from .refused import Held, Outcome, RefusedTable
from .refused_rows import KeptRefusal, RefusedFilter, Rejected
from .registry import Hall
from .store import Store, migrate, open_store
from .tokens import Grant, Token, hash_of

__all__ = [
    "STATES",
    "AuditLine",
    "BadCursor",
    "CaseFilter",
    "CaseHistory",
    "CasePage",
    "CaseRow",
    "Coverage",
    "Deed",
    "Difference",
    "ElapsedHistogram",
    "Expected",
    "Findings",
    "Grant",
    "Hall",
    "Held",
    "ItemRow",
    "KeptRefusal",
    "MergeOutcome",
    "Outcome",
    "Overview",
    "Reading",
    "RefusedFilter",
    "RefusedTable",
    "Rejected",
    "Store",
    "TallyRow",
    "Token",
    "hash_of",
    "migrate",
    "open_store",
    "process_actor",
]
