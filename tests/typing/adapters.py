"""Read by mypy only: every adapter is a Backend, and so is every slot's object."""

from perfkit.backends import fake, mongo, postgres, redis, sqlite
from perfkit.backends.base import Backend

ADAPTERS: tuple[Backend, ...] = (fake, mongo, postgres, redis, sqlite)
