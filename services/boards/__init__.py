"""Rendering of plans into boards, recording and alerting rules, tests of the rules, and the routing of alerts."""

from services.boards.alerting.alertmanager import render_alertmanager
from services.boards.intervals import DEMO, OFFICE, Intervals, Links
from services.boards.rules.render import render_rules

__all__ = ["DEMO", "OFFICE", "Intervals", "Links", "render_alertmanager", "render_rules"]
