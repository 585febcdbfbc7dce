"""PostgreSQL for the suite, whose other packages reach it only through this one."""

from hallpulse.store.merge import EventName, Expected
from hallpulse.store.reading.overview import Overview
from hallpulse.store.store import Moment, Readable, ReadableBack

from .accounts import ROLES, Account, AccountRegistry, AlreadyLinked, Attempt, Link, Way, person_grant
from .archiving.event_archive import ArchivedMonth, EventArchive, open_archive
from .archiving.parquet_files import ArchiveFile, read_manifest
from .audit import AuditEntry, AuditLine, CaseReading, process_actor
from .drafts import Draft, Drafts
from .kept_uploads import NewUpload, Upload, UploadBusy, UploadKind, Uploads, UploadState
from .matters import MatterRegistry, TaskReport
from .merge import MergeOutcome
from .migration import ensure_answers, ensure_ingest_knows, migrate
from .reading.declared_reports import FigureFilter, FigureReport, Status
from .reading.department_tables import OverTime
from .reading.foresight import Fate, ForeseenCase, ForeseenItem, Foresight
from .reading.listing import BadCursor, BadOrder, CaseFilter, CasePage, CaseRow, ItemRow, TallyRow
from .reading.narrowing import CASE_ORDERS, ITEM_ORDERS, CaseSearch, LateRule, Order
from .reading.past import Past
from .reading.restating import restated
from .reading.stored import CaseHistory
from .reading.trace import StoredTrace, Trace, TracedEffect
from .receipts import SentAgain
from .recompute import Difference
from .refused import Held, Outcome, RefusedTable
from .refused_rows import EnteredRefusal, KeptRefusal, RefusedFilter
from .registry import Grant, Hall, HallFacts, Token, hash_of
from .reports import About, NewReport, PublishedReport, ReportArchive, ReportExists, ReportFile
from .reviews import Review, ReviewRegistry, Verdict
from .roles import replace_owner_password
from .sharing import Leases, Turn, TurnRegistry, TurnTaken
from .store import Store, open_store
from .sums import DailySums

__all__ = [
    "CASE_ORDERS",
    "ITEM_ORDERS",
    "ROLES",
    "About",
    "Account",
    "AccountRegistry",
    "AlreadyLinked",
    "ArchiveFile",
    "ArchivedMonth",
    "Attempt",
    "AuditEntry",
    "AuditLine",
    "BadCursor",
    "BadOrder",
    "CaseFilter",
    "CaseHistory",
    "CasePage",
    "CaseReading",
    "CaseRow",
    "CaseSearch",
    "DailySums",
    "Difference",
    "Draft",
    "Drafts",
    "EnteredRefusal",
    "EventArchive",
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
    "LateRule",
    "Leases",
    "Link",
    "MatterRegistry",
    "MergeOutcome",
    "Moment",
    "NewReport",
    "NewUpload",
    "Order",
    "Outcome",
    "OverTime",
    "Overview",
    "Past",
    "PublishedReport",
    "Readable",
    "ReadableBack",
    "RefusedFilter",
    "RefusedTable",
    "ReportArchive",
    "ReportExists",
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
    "Turn",
    "TurnRegistry",
    "TurnTaken",
    "Upload",
    "UploadBusy",
    "UploadKind",
    "UploadState",
    "Uploads",
    "Verdict",
    "Way",
    "ensure_answers",
    "ensure_ingest_knows",
    "hash_of",
    "migrate",
    "open_archive",
    "open_store",
    "person_grant",
    "process_actor",
    "read_manifest",
    "replace_owner_password",
    "restated",
]
