"""The documents of a report; the same input gives the same bytes."""

from services.reporting.documents.form import period_title
from services.reporting.documents.letter import write_docx
from services.reporting.documents.paper import Paper
from services.reporting.documents.workbook import write_xlsx

__all__ = ["Paper", "period_title", "write_docx", "write_xlsx"]
