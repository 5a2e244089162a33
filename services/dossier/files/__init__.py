"""Turns a file that a person hands in (dossier sheet or record file) into statements; stores and sends nothing."""

from services.dossier.files.items import FileUnreadable, Item, OpenedFile
from services.dossier.files.mapping import SheetMapping, load_mapping, stored_mapping
from services.dossier.files.packets import Packet, read_packet
from services.dossier.files.reading import open_file
from services.dossier.files.sheets import unit_of
from services.dossier.files.tally import Reason, Tally

__all__ = [
    "FileUnreadable",
    "Item",
    "OpenedFile",
    "Packet",
    "Reason",
    "SheetMapping",
    "Tally",
    "load_mapping",
    "open_file",
    "read_packet",
    "stored_mapping",
    "unit_of",
]
