"""The same work as the four services do, written the obvious way: what one gets without thinking about batches."""
