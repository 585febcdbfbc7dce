"""The only door to PostgreSQL."""

from hallpulse.store.merge import EventName, Expected
from hallpulse.store.reading.overview import Overview
from hallpulse.store.store import Moment, Readable, ReadableBack

from .accounts import ROLES, Account, AccountRegistry, Attempt, person_grant
from .audit import AuditEntry, AuditLine, CaseReading, process_actor
from .drafts import Draft, Drafts
from .kept_uploads import NewUpload, Upload, UploadBusy, UploadKind, Uploads, UploadState
from .matters import MatterRegistry, TaskReport
from .merge import MergeOutcome
from .migration import migrate
from .reading.declared import FigureFilter, FigureReport, Status
from .reading.foresight import Fate, ForeseenCase, ForeseenItem, Foresight
from .reading.listing import BadCursor, CaseFilter, CasePage, CaseRow, ItemRow, TallyRow
from .reading.past import Past
from .reading.restating import restated
from .reading.stored import CaseHistory
from .reading.trace import StoredTrace, Trace, TracedEffect
from .receipts import SentAgain
from .recompute import Difference
from .refused import Held, Outcome, RefusedTable
from .refused_rows import EnteredRefusal, KeptRefusal, RefusedFilter
from .registry import Hall, HallFacts
from .reports import About, NewReport, PublishedReport, ReportArchive, ReportFile
from .reviews import Review, ReviewRegistry, Verdict
from .store import Store, open_store
from .sums import DailySums
from .tokens import Grant, Token, hash_of

__all__ = [
    "ROLES",
    "About",
    "Account",
    "AccountRegistry",
    "Attempt",
    "AuditEntry",
    "AuditLine",
    "BadCursor",
    "CaseFilter",
    "CaseHistory",
    "CasePage",
    "CaseReading",
    "CaseRow",
    "DailySums",
    "Difference",
    "Draft",
    "Drafts",
    "EnteredRefusal",
    "EventName",
    "Expected",
    "Fate",
    "FigureFilter",
    "FigureReport",
    "ForeseenCase",
    "ForeseenItem",
    "Foresight",
    "Grant",
    "Hall",
    "HallFacts",
    "Held",
    "ItemRow",
    "KeptRefusal",
    "MatterRegistry",
    "MergeOutcome",
    "Moment",
    "NewReport",
    "NewUpload",
    "Outcome",
    "Overview",
    "Past",
    "PublishedReport",
    "Readable",
    "ReadableBack",
    "RefusedFilter",
    "RefusedTable",
    "ReportArchive",
    "ReportFile",
    "Review",
    "ReviewRegistry",
    "SentAgain",
    "Status",
    "Store",
    "StoredTrace",
    "TallyRow",
    "TaskReport",
    "Token",
    "Trace",
    "TracedEffect",
    "Upload",
    "UploadBusy",
    "UploadKind",
    "UploadState",
    "Uploads",
    "Verdict",
    "hash_of",
    "migrate",
    "open_store",
    "person_grant",
    "process_actor",
    "restated",
]
