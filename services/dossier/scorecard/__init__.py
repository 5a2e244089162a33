"""The scorecard of each source: what its own stream is worth (docs/decisions/0036-scorecard.md)."""
