"""Figures as they were known on an earlier day, and why two days differ (docs/decisions/0042-as-of.md)."""
