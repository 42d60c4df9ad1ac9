import subprocess
import sys

from sertools import report


class Small:
    """Saves one file."""

    def save(self, folder):
        folder.mkdir()
        (folder / "metrics.json").write_text("{}")
        return folder


def test_without_a_folder_nothing_is_saved():
    closing = report.record(Small())
    assert closing.folder is None
    assert "Nothing was saved" in repr(closing)
    assert "Nothing was saved" in closing._repr_html_()


def test_with_a_folder_the_result_is_saved_and_the_place_told(tmp_path):
    closing = report.record(Small(), out=str(tmp_path / "a & b"))
    assert (tmp_path / "a & b" / "metrics.json").exists()
    assert repr(closing) == f"Saved metrics.json in {tmp_path}/a & b."
    assert "a &amp; b</code>" in closing._repr_html_()


def test_recording_imports_nothing_heavy():
    code = (
        "import sys; from sertools import report; report.record(None);"
        "heavy = {'numpy', 'pandas', 'nbconvert', 'papermill', 'IPython', 'psutil'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
