"""Settings of the dossier service alone."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings


class DossierSettings(ServiceSettings):
    """What an operator may tune of the dossier service."""

    silent_after_minutes: int = Field(
        default=450, ge=1, description="working minutes without a word after which a live source is silent"
    )
    due_soon_days: int = Field(
        default=1, ge=0, description="working days before the promised day on which a dossier is called due soon"
    )
    sweep_seconds: float = Field(
        default=1.0, gt=0, description="seconds between two looks for dossiers that became overdue"
    )
    clocks_seconds: float = Field(
        default=2.0, gt=0, description="seconds of rest of the job that measures the clocks of changed dossiers"
    )
    watch_seconds: float = Field(
        default=30.0, gt=0, description="seconds between two looks at sources: silent, heard again, a day that ended"
    )
    cards_seconds: float = Field(
        default=300.0, gt=0, description="seconds between two cards of the day so far, shown as metrics of sources"
    )
    apologies_seconds: float = Field(
        default=5.0, gt=0, description="seconds between two looks for issued letters that the journal does not know"
    )
    applicants_key: Path | None = Field(
        default=None,
        description="key file; with it names of packets' applicants are kept, sealed, for letters of apology",
    )
    applicants_days: int = Field(
        default=30, ge=0, description="days after its end on which a dossier's applicant is forgotten"
    )
    applicants_seconds: float = Field(
        default=3600.0, gt=0, description="seconds between two looks for names that are to be forgotten"
    )
    receipt_seconds: float = Field(default=20.0, gt=0, description="seconds that the HTTP door waits for the journal")
