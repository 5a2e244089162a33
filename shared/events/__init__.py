"""The published language: every event that crosses the bus, as CloudEvents 1.0 in structured JSON (contracts.md §2–§4)."""
