"""Settings of the reporting service alone."""

from __future__ import annotations

from shared.settings import ServiceSettings


class ReportingSettings(ServiceSettings):
    """What an operator may tune of the reporting service; nothing beyond the common settings yet."""
