"""Forms as data: rows that name measures, in YAML files with a validity range. Adding a form is a file, no code here."""

from services.reporting.forms.cells import Cell, cell_of, cells_of, column_cell, without_history
from services.reporting.forms.loading import FormInForce, Forms, load_forms
from services.reporting.forms.model import ByField, ByMeasure, Form
from services.reporting.forms.sheets import Sheet, fill

__all__ = [
    "ByField",
    "ByMeasure",
    "Cell",
    "Form",
    "FormInForce",
    "Forms",
    "Sheet",
    "cell_of",
    "cells_of",
    "column_cell",
    "fill",
    "load_forms",
    "without_history",
]
