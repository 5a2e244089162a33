"""The written apology for a broken promise: its life, its letter, and who did what when."""
