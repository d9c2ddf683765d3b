"""Tuning profiles: settings with their reasons, worked out for a machine and held against a server."""

from perfkit.tuning.facts import machine_of
from perfkit.tuning.options import Options
from perfkit.tuning.profile import Profile, Setting, load_profile, profiles
from perfkit.tuning.run import config, list_profiles, run
from perfkit.tuning.wanted import Wanted, measurable, wanted

__all__ = [
    "Options",
    "Profile",
    "Setting",
    "Wanted",
    "config",
    "list_profiles",
    "load_profile",
    "machine_of",
    "measurable",
    "profiles",
    "run",
    "wanted",
]
