"""The whole way: read the past of every plan in force, make its blocks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from hallpulse.plans import load_plans
from hallpulse.settings import Settings
from hallpulse.store import open_store
from services.console.history.blocks import scrape_labels, write_blocks
from services.console.history.days import history, past_days


def write_history(settings: Settings, data: Path, today: date) -> int:
    """How many samples were written into a Prometheus' folder of data. Raises NoHistory, PlanError, Unavailable."""
    plans = load_plans(settings.plans)
    days = sorted({day for plan in plans for day in past_days(plans, plan.region, today)})
    labels = scrape_labels(settings.prometheus_url)
    store = open_store(settings.database_url)
    try:
        return write_blocks(history(store, plans, days, labels), data)
    finally:
        store.close()
