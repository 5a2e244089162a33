"""Figures about petitions, and the petitions behind each (docs/decisions/0035-petitions.md)."""
