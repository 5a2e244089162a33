"""The national portal's door: packets that one-stop systems already produce, read as statements (domain.md §4)."""
