"""Fetch files: resumed after a break, checked, safely unpacked, never half-done.

Two environment variables matter here. ``SERTOOLS_CACHE`` is the folder for what is
fetched. ``SERTOOLS_MIRROR`` is another base address: it takes the place of scheme and
host, so that with ``SERTOOLS_MIRROR=https://lab.example/mirror`` the file
``https://zenodo.org/records/1/a.zip`` comes from
``https://lab.example/mirror/records/1/a.zip``. Where a mirror keeps a folder per host,
as ``wget -x`` lays them out, write ``{host}``: ``https://lab.example/mirror/{host}``.
A folder or a memory stick will do, too: ``file:///media/stick/{host}``.
"""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "cache_folder": "downloading",
        "download": "downloading",
        "sha256": "checksums",
        "unpack": "unpacking",
        "verify": "checksums",
    },
)
