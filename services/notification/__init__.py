"""The notification service: hears DOSSIER, INSPECTION and REPORT, decides alerts by rules, delivers them, says ALERT."""
