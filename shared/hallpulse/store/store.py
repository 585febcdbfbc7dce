"""The store: the one door to the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType

from sqlalchemy import Engine, text

from hallpulse.contract.events import HallEvent
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import Calendar
from hallpulse.store.catalogue import CalendarCache, ContextCache
from hallpulse.store.merge import Expected

from .audit import Audit, process_actor
from .database import at_one_moment, open_engine, transaction
from .merge import MergeOutcome, merge
from .migration import upgrade
from .notices import NoticeLedger
from .reading.declared import rules_of
from .reading.moment import Moment
from .recompute import Difference, recompute
from .redating import Progress, apply_calendars
from .refused import RefusedTable
from .registry import HallRegistry
from .roles import make_roles
from .tokens import TokenRegistry

_NO_SERVICES: Mapping[str, str] = MappingProxyType({})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Store:
    """Stored events and all that follows from them.

    Every method is one transaction, and raises Unavailable when the database cannot be reached (try again) or Halt when
    going on would do damage. All of it may be called from several threads at once.

    actor: who the audit says changed halls, tokens, calendars and derived figures by this store; plans: those that say
    which declared figures count (without plans none does).
    """

    def __init__(self, engine: Engine, actor: str, plans: Sequence[Plan] = ()) -> None:
        self._engine = engine
        self._rules = rules_of(plans)
        self._reading = at_one_moment(engine)
        self._actor = actor
        self._cache = ContextCache()
        self._calendars = CalendarCache()
        self.audit = Audit(engine, actor)
        self.halls = HallRegistry(engine, actor)
        self.tokens = TokenRegistry(engine, actor)
        self.notices = NoticeLedger(engine)
        self.refused = RefusedTable(engine, actor)

    def judge_by(self, plans: Sequence[Plan]) -> None:
        """Let declared figures count by these plans from now on."""
        self._rules = rules_of(plans)

    def ping(self) -> None:
        """Raise Unavailable where the database does not answer."""
        with transaction(self._reading) as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self._engine.dispose()

    def merge(
        self, events: Sequence[HallEvent], arrived: datetime, expected: Expected = Expected.ANYTHING
    ) -> MergeOutcome:
        """Store a batch, all or nothing; storing it again changes nothing."""
        microseconds = int((arrived - _EPOCH).total_seconds() * 1_000_000)
        return merge(self._engine, self._cache, events, microseconds, expected)

    def apply_calendars(self, calendars: Sequence[Calendar], progress: Progress | None = None) -> int:
        """Put calendars in force and date again every case that they touch; how many cases that were."""
        return apply_calendars(self._engine, calendars, self._actor, progress)

    def recompute(self, *, check: bool, progress: Progress | None = None) -> list[Difference]:
        """Rebuild all that is derived from the stored events; the differences found."""
        return recompute(self._engine, self._actor, check=check, progress=progress)

    @contextmanager
    def read(self) -> Iterator[Moment]:
        """Everything that can be asked, at one moment: one transaction that only reads.

        It lasts until the block ends, so what is read is worked on afterwards.
        """
        with transaction(self._reading) as connection:
            yield Moment(connection, self._calendars, self._rules)


def open_store(database_url: str, pool_size: int = 4, service: str = "", plans: Sequence[Plan] = ()) -> Store:
    """A store on a database that has this version's tables; nothing is connected yet.

    service: named in the audit beside the user that this process runs as; plans: for those who read figures, since
    a declared figure counts where a plan names it.
    """
    return Store(open_engine(database_url, pool_size), process_actor(service), plans)


def migrate(database_url: str, service_urls: Mapping[str, str] = _NO_SERVICES) -> None:
    """Create or bring up to date the tables of a database, and the roles that services log in as.

    service_urls: service → the URL with which it will connect; its role is made with the rights that it needs.
    """
    engine = open_engine(database_url)
    try:
        upgrade(engine)
        if service_urls:
            make_roles(engine, service_urls)
    finally:
        engine.dispose()
