"""Plans as files: one YAML file a plan, refused as a whole with everything that is wrong in it."""

from hallpulse.domain.plan import plan_for
from hallpulse.plans.plan_problems import PlanError, PlanProblem

from .mapping import load_plan, load_plans

__all__ = ["PlanError", "PlanProblem", "load_plan", "load_plans", "plan_for"]
