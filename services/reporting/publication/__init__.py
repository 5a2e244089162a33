"""Publication: a closed report's files in the object store, then the event, then the city's acknowledgement (docs/decisions/0037-publication.md)."""
