"""The documents of a report; the same input gives the same bytes."""

from services.reporting.documents.form import Form, load_form, period_title
from services.reporting.documents.workbook import write_xlsx

__all__ = ["Form", "load_form", "period_title", "write_xlsx"]
