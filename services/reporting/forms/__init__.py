"""Forms as data: rows that name measures, in YAML files with a validity range. Adding a form is a file, no code here."""

from services.reporting.forms.cells import Cell, cells_of
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
    "cells_of",
    "fill",
    "load_forms",
]
