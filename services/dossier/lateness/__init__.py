"""Why dossiers are late: whose time it was, and which of them only look late on paper."""
