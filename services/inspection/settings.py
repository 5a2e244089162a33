"""Settings of the inspection service alone."""

from __future__ import annotations

from pydantic import Field

from shared.settings import ServiceSettings


class InspectionSettings(ServiceSettings):
    """What an operator may tune of the inspection service."""

    measure_seconds: float = Field(
        default=1.0, gt=0, description="seconds between two looks at targets whose dossiers changed"
    )
