"""Boards as data: which panels there are, which question each answers, and the one SQL behind each."""

from shared.boards.catalogue import Board, Catalogue, Kind, Listed, Panel, Source, Unit, load_catalogue
from shared.boards.sql import ASKED, Queries
from shared.boards.targets import BoardTarget, load_targets

__all__ = [
    "ASKED",
    "Board",
    "BoardTarget",
    "Catalogue",
    "Kind",
    "Listed",
    "Panel",
    "Queries",
    "Source",
    "Unit",
    "load_catalogue",
    "load_targets",
]
