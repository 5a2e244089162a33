"""Which version this is; pyproject.toml says the same, and a test holds them together: an image has the code, not the package."""

VERSION = "0.1.0"
