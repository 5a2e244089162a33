"""Turns a file that a person hands in (dossier sheet or record file) into statements; stores and sends nothing."""

from services.dossier.files.items import FileUnreadable, Item, OpenedFile
from services.dossier.files.reading import open_file

__all__ = ["FileUnreadable", "Item", "OpenedFile", "open_file"]
