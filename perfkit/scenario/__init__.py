"""Scenario files: from strict YAML to a frozen Scenario."""

from perfkit.scenario.model import (
    Data,
    Expect,
    Load,
    Operation,
    Retry,
    Scenario,
    SetupStatement,
    Stage,
    Statement,
    Targets,
)
from perfkit.scenario.parse import load_scenario, parse_scenario
from perfkit.scenario.threshold import Threshold
from perfkit.scenario.values import Param

__all__ = [
    "Data",
    "Expect",
    "Load",
    "Operation",
    "Param",
    "Retry",
    "Scenario",
    "SetupStatement",
    "Stage",
    "Statement",
    "Targets",
    "Threshold",
    "load_scenario",
    "parse_scenario",
]
