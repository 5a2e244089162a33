"""Settings of the reporting service alone."""

from __future__ import annotations

from pydantic import Field

from shared.settings import ServiceSettings


class ReportingSettings(ServiceSettings):
    """What an operator may tune of the reporting service."""

    stale_after_days: int = Field(
        default=3, ge=0, description="working days after which a report that fell due unwatched makes nobody late"
    )
    obligations_seconds: float = Field(default=1.0, gt=0, description="seconds between two looks at owed reports")
    forecasts_seconds: float = Field(default=900.0, gt=0, description="seconds between two forecasts for the boards")
