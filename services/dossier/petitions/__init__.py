"""Petitions (phản ánh, kiến nghị): their states, their deadlines and what is said of them (docs/decisions/0035-petitions.md)."""
