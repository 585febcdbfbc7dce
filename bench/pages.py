"""Make a simulated county's reports in four formats, and a picture of each page for people to look at.

python -m bench.pages [--out DIR] [--cases N] [--month YYYY-MM …] [--department ID …] [--language zh|both]

September is published on 5 October; October's report restates it with the events that arrived later. Needs LibreOffice
(soffice), Chromium and poppler (pdftoppm).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, product
from pathlib import Path

from bench.streams import calendars
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import workdays_of
from hallpulse.plans import load_plans
from hallpulse.store import Store, hash_of, migrate, open_store
from services.reports.issuing import MonthlyReports, Order
from services.reports.renderers import FORMATS
from services.simulator import County, Sent, simulate
from services.simulator.county import HALLS
from tests.browser import program
from tests.servers import postgres_server

ROOT = Path(__file__).parents[1]
PUBLISHED_AT = datetime(2026, 10, 4, 22, 30, tzinfo=UTC)
READ_AT = datetime(2026, 11, 4, 22, 30, tzinfo=UTC)
HALF_A_DAY = 12 * 3600 * 1_000_000
DOTS_AN_INCH = 70


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("pages"))
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--month", nargs="+", default=["2026-09", "2026-10"])
    parser.add_argument("--department", nargs="+", default=["market-regulation"])
    parser.add_argument("--language", choices=("zh", "both"), default="zh")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with postgres_server() as server, server.fresh_database() as url:
        migrate(url)
        plans = load_plans(ROOT / "plans")
        store = open_store(url, plans=plans)
        store.apply_calendars(calendars())
        fill(store, plans, given.cases)
        reports = MonthlyReports(store, plans, READ_AT.timestamp)
        for month, department in product(given.month, [None, *given.department]):
            order = Order(222424, month, department, language=given.language)
            for form in FORMATS:
                issued = reports.make(order, form)
                (given.out / issued.name).write_bytes(issued.content)
                pages = list(pictured(given.out / issued.name))
                print(f"{issued.name}: {len(issued.content):,} bytes, {len(pages)} pages", flush=True)
        store.close()


def fill(store: Store, plans: Sequence[Plan], cases: int) -> None:
    """Store a county's year in the order of arrival, and publish September in between."""
    plan = next(plan for plan in plans if plan.id == "222424-2026")
    workdays = workdays_of(plan.region, {one.scope: one for one in calendars()})
    for hall in HALLS:
        store.halls.add(plan.region, hall.id, ["case", "tally"], hash_of(hall.id), hall.zh)
    until = int(READ_AT.timestamp() * 1_000_000)
    sent = list(simulate(County(plan, workdays, until, cases=cases)))
    published = int(PUBLISHED_AT.timestamp() * 1_000_000)
    _merge(store, [one for one in sent if one.arrives <= published])
    MonthlyReports(store, plans, PUBLISHED_AT.timestamp).keep(Order(plan.region, "2026-09"))
    _merge(store, [one for one in sent if one.arrives > published])


def _merge(store: Store, sent: Sequence[Sent]) -> None:
    """Merge the events of each half day, at the time when the last of them arrived."""
    for _, group in groupby(sent, key=lambda one: one.arrives // HALF_A_DAY):
        some = list(group)
        store.merge([one.event for one in some], datetime.fromtimestamp(some[-1].arrives / 1_000_000, UTC))


def pictured(file: Path) -> Iterator[Path]:
    """Make pictures of a file's pages beside it, and yield their paths."""
    with tempfile.TemporaryDirectory() as scratch:
        pdf = file if file.suffix == ".pdf" else _as_pdf(file, Path(scratch))
        stem = file.with_name(file.name.replace(".", "-"))
        subprocess.run(["pdftoppm", "-r", str(DOTS_AN_INCH), "-png", pdf, stem], check=True)
    yield from sorted(file.parent.glob(f"{stem.name}-*.png"))


def _as_pdf(file: Path, scratch: Path) -> Path:
    pdf = scratch / f"{file.stem}.pdf"
    if file.suffix == ".html":
        browser = program()
        if browser is None:
            raise SystemExit("pages: expected Chromium for the html")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
                   f"--user-data-dir={scratch / 'browser'}", f"--print-to-pdf={pdf}",
                   file.absolute().as_uri()]  # fmt: skip
    else:
        office = shutil.which("soffice") or "soffice"
        command = [office, "--headless", f"-env:UserInstallation={(scratch / 'office').as_uri()}",
                   "--convert-to", "pdf", "--outdir", str(scratch), str(file)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return pdf


if __name__ == "__main__":
    main()
