"""Checksums of real bytes."""

import hashlib

import pytest

from sertools import fetching


def test_sha256(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"clip" * 1_000_000)
    expected = hashlib.sha256(b"clip" * 1_000_000).hexdigest()
    assert fetching.sha256(file) == expected
    fetching.verify(file, sha256=expected.upper(), size=4_000_000)


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({"size": 3}, "has 4 bytes, not 3"),
        ({"md5": "0" * 32}, "md5 is [0-9a-f]{32}, not 0{32}"),
        ({"sha256": "f" * 64}, "sha256 is [0-9a-f]{64}, not f{64}"),
    ],
)
def test_verify_names_file_and_both_values(tmp_path, promised, told):
    file = tmp_path / "a.wav"
    file.write_bytes(b"clip")
    with pytest.raises(ValueError, match=rf"a\.wav: its? {told}"):
        fetching.verify(file, **promised)


def test_verify_of_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        fetching.verify(tmp_path / "a", md5="0" * 32)
