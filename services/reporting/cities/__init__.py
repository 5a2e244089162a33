"""A city's figures: the sum over all its communes in one query."""
