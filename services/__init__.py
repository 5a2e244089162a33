"""The four services, the command line and the embedded servers."""
