"""Administrative documents in the layout of Nghị định 30/2020/NĐ-CP: what a report and a letter have in common.

Who issues and signs is data of the rule folder; a service brings the words and the body. The same input gives the same
bytes: nothing here reads a clock or a font of the machine.
"""

from shared.documents.issuer import Administration, Issuer, issued_by, lower_first, place_and_date, split_name, words_of
from shared.documents.pdf import Template

__all__ = [
    "Administration",
    "Issuer",
    "Template",
    "issued_by",
    "lower_first",
    "place_and_date",
    "split_name",
    "words_of",
]
