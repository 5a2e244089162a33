"""The reporting service: hears DOSSIER, owns facts, rollups and closed reports, says REPORT."""
