"""The built-in board: the catalogue's panels on a page of our own, read with the role that sees only the views."""
