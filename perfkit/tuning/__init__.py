"""Tuning profiles: settings with their reasons, worked out for a machine and held against a server."""
