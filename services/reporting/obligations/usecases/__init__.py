"""What people do about owed reports: hand in, check, send, acknowledge, ask for one, and look at the calendar."""

from services.reporting.obligations.usecases.checking import CheckReport
from services.reporting.obligations.usecases.coming import ShowCalendar
from services.reporting.obligations.usecases.leading import HandToLeaders
from services.reporting.obligations.usecases.receiving import Document, HandIn
from services.reporting.obligations.usecases.requesting import RequestReport
from services.reporting.obligations.usecases.shelf import Named, Shelf, shown

__all__ = [
    "CheckReport",
    "Document",
    "HandIn",
    "HandToLeaders",
    "Named",
    "RequestReport",
    "Shelf",
    "ShowCalendar",
    "shown",
]
