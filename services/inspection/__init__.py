"""The inspection service: hears DOSSIER, owns plans, their targets, evidence and decisions, says INSPECTION."""
