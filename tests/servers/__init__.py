"""Real database servers for tests, each on a free port of 127.0.0.1; `install.sh` gets what they need."""


class ServerMissingError(Exception):
    """This machine lacks a server; the message says how to get it."""
