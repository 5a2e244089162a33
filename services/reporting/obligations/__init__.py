"""Obligations: who owes which report to whom, for which period, due when, and what became of it (docs/obligations.md)."""
