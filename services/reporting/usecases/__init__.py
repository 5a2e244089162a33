"""What the reporting service does: follow dossiers, answer with figures, close reports."""

from services.reporting.usecases.closing import CloseReport
from services.reporting.usecases.following import FollowDossiers
from services.reporting.usecases.showing import ShowFigures

__all__ = ["CloseReport", "FollowDossiers", "ShowFigures"]
