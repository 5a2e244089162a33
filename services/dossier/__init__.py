"""The dossier service: hears ONESTOP, keeps the journal, folds each dossier's state, says DOSSIER."""
