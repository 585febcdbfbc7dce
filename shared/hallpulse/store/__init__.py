"""The only door to PostgreSQL."""

from .audit import AuditLine, Deed, Reading, process_actor
from .incoming import Expected
from .merge import MergeOutcome
from .reading.listing import BadCursor, CaseFilter, CasePage, CaseRow, ItemRow, TallyRow
from .reading.moment import Moment, Readable
from .reading.overview import Overview
from .reading.stored import CaseHistory
from .recompute import Difference
from .refused import Held, Outcome, RefusedTable
from .refused_rows import KeptRefusal, RefusedFilter, Rejected
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
    "Deed",
    "Difference",
    "Expected",
    "Grant",
    "Hall",
    "Held",
    "ItemRow",
    "KeptRefusal",
    "MergeOutcome",
    "Moment",
    "Outcome",
    "Overview",
    "Readable",
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
