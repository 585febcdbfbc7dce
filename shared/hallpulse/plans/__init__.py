"""Plans as files: one YAML file a plan, refused as a whole with everything that is wrong in it."""

from hallpulse.domain.plan import plan_for

from .mapping import load_plan, load_plans
from .problems import PlanError, Problem

__all__ = ["PlanError", "Problem", "load_plan", "load_plans", "plan_for"]
