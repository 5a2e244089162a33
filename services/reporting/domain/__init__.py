"""What a report is, what proves it, and what may change it; knows neither database nor bus."""

from services.reporting.domain.evidence import canonical, check_list, dossier_leaf, fingerprint, merkle_root
from services.reporting.domain.forms import (
    COLUMNS,
    FORM,
    Figures,
    FiguresDoNotBalance,
    PeriodNotOver,
    ReportAlreadyClosed,
    ReportNotClosed,
    Row,
    UnknownColumn,
    UnknownForm,
    WindowEndsBeforeItStarts,
    check_balance,
    figures,
)
from services.reporting.domain.restating import (
    ProposalDecided,
    ProposalOutdated,
    ReasonMissing,
    UnknownProposal,
    changed_cells,
    digest,
)
from services.reporting.domain.signing_off import RoleMissing, role_of

__all__ = [
    "COLUMNS",
    "FORM",
    "Figures",
    "FiguresDoNotBalance",
    "PeriodNotOver",
    "ProposalDecided",
    "ProposalOutdated",
    "ReasonMissing",
    "ReportAlreadyClosed",
    "ReportNotClosed",
    "RoleMissing",
    "Row",
    "UnknownColumn",
    "UnknownForm",
    "UnknownProposal",
    "WindowEndsBeforeItStarts",
    "canonical",
    "changed_cells",
    "check_balance",
    "check_list",
    "digest",
    "dossier_leaf",
    "figures",
    "fingerprint",
    "merkle_root",
    "role_of",
]
