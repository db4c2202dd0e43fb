"""Files appear whole or not at all."""

from __future__ import annotations

import pytest

from mixlib.whole_files import aside, rename_broken, write_whole


@pytest.mark.parametrize("durable", [False, True])
def test_a_failed_write_leaves_what_was_there(tmp_path, durable):
    path = tmp_path / "deep" / "x.png"
    with aside(path, durable) as part:
        assert part.suffix == ".png"  # writers of pictures look at it
        part.write_bytes(b"first")
        assert not path.exists()

    def fail() -> None:
        with aside(path, durable) as part:
            part.write_bytes(b"sec")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_a_text_is_written_in_utf_8(tmp_path):
    write_whole(tmp_path / "x", "ä")
    assert (tmp_path / "x").read_bytes() == "ä".encode()


def test_broken_files_keep_their_content_under_another_name(tmp_path, capsys):
    for number in (1, 2):
        (tmp_path / "x").write_text(str(number))
        moved = rename_broken(tmp_path / "x", "cut")
        assert (moved.name, moved.read_text()) == (f"x.broken-{number}", str(number))
    assert capsys.readouterr().err.count("cut") == 2
