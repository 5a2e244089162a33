"""Names of applicants for the letter of apology: kept only where an installation asks for it, and only sealed."""
