"""What every service uses identically: the published language, one definition of each figure, and the plumbing."""
