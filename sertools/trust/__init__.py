"""The one gate before anything that can run code while loading.

A pickle is a program: reading it runs what it says. So do some files of torch
and Keras. None of them is read before a person has said ``trust=True``
(``--trust``), and what a refusal names was found without running any of it.
"""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "gate": "refusal",
        "load_head": "heads",
        "load_pickle": "pickles",
        "load_torch": "pickles",
        "save_head": "heads",
    },
)
