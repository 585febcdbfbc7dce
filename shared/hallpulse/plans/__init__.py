"""Plans as YAML files, one file a plan. A file with problems is refused as a whole, and all problems are listed."""

from hallpulse.domain.plan import plan_for
from hallpulse.plans.plan_problems import PlanError, PlanProblem

from .mapping import load_plan, load_plans

__all__ = ["PlanError", "PlanProblem", "load_plan", "load_plans", "plan_for"]
