"""Executed, self-contained reports from parameterised notebooks."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Closing": "closing",
        "Finished": "running",
        "Gate": "gating",
        "Mistakes": "planning",
        "Parameter": "declared",
        "Plan": "plan_file",
        "Planned": "planning",
        "Repeat": "repeating",
        "check": "declared",
        "gate": "gating",
        "new_notebook": "starting",
        "notebooks": "finding",
        "parameters": "declared",
        "plan": "planning",
        "read_plan": "plan_file",
        "record": "closing",
        "repeat": "repeating",
        "run": "grid",
        "run_all": "grid",
        "write_index": "index",
    },
)
