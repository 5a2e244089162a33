"""Alarms about the system itself, as Alertmanager hands them over, become alerts like any other."""
