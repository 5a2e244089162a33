"""Build a service's facts anew beside the live ones, compare, and put them in their place: decision 0044, docs/operate.md."""

from services.rebuilding.leftovers import find_leftover
from services.rebuilding.rebuild import Outcome, RebuildRefused, Tell, rebuild

__all__ = ["Outcome", "RebuildRefused", "Tell", "find_leftover", "rebuild"]
