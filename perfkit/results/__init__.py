"""The narrow waist: what every command returns and every report format reads.

All of it is frozen data. Times are in milliseconds here (`p99_ms`), because this is what the JSON
report carries; `report.jsonfile` writes these dataclasses as they are. A value that could not be
had is None with a caveat, never 0.
"""

from perfkit.results.bench import (
    BenchResult,
    CompareResult,
    Comparison,
    NotMeasured,
    RunResult,
    Side,
    Subject,
    Sweep,
    SweepPoint,
    Usl,
    VariantResult,
    Verdict,
)
from perfkit.results.common import (
    Caveat,
    Check,
    Environment,
    Finding,
    SettingValue,
    Severity,
    TargetInfo,
)
from perfkit.results.load import (
    ErrorRow,
    GeneratorResult,
    Latency,
    LoadtestResult,
    OperationResult,
    Progress,
    Resources,
    Series,
    StageResult,
    Statement,
    TimelineRow,
    WorkerResult,
)
from perfkit.results.report import SCHEMA_VERSION, Report, Result
from perfkit.results.tuning import (
    MachineFact,
    ProfileList,
    ProfileResult,
    ProfileRow,
    Scope,
    SettingRow,
)

__all__ = [
    "SCHEMA_VERSION",
    "BenchResult",
    "Caveat",
    "Check",
    "CompareResult",
    "Comparison",
    "Environment",
    "ErrorRow",
    "Finding",
    "GeneratorResult",
    "Latency",
    "LoadtestResult",
    "MachineFact",
    "NotMeasured",
    "OperationResult",
    "ProfileList",
    "ProfileResult",
    "ProfileRow",
    "Progress",
    "Report",
    "Resources",
    "Result",
    "RunResult",
    "Scope",
    "Series",
    "SettingRow",
    "SettingValue",
    "Severity",
    "Side",
    "StageResult",
    "Statement",
    "Subject",
    "Sweep",
    "SweepPoint",
    "TargetInfo",
    "TimelineRow",
    "Usl",
    "VariantResult",
    "Verdict",
    "WorkerResult",
]
