"""Speed and size, measured on the real servers in one run: `make bench` (docs/performance.md)."""
