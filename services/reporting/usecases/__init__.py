"""What the reporting service does: follow dossiers, answer with figures, close and restate reports."""

from services.reporting.usecases.closing import CloseReport
from services.reporting.usecases.following import FollowDossiers
from services.reporting.usecases.restating import DecideProposal, JudgeLateFacts
from services.reporting.usecases.showing import ShowFigures

__all__ = ["CloseReport", "DecideProposal", "FollowDossiers", "JudgeLateFacts", "ShowFigures"]
