"""Both formats are read alike, and every fault is named with its file and image."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from downstream.localization.maps import center_prior, check, gray_levels
from downstream.localization.max_box_acc import evaluate
from downstream.localization.readers import Truth, read_cub, read_truth, read_wsol
from mixlib.data.errors import DataError
from mixlib.data.shapes.layouts import write_cub
from mixlib.data.shapes.scenes import Shapes

SPEC = Shapes(train=8, val=6, test=12, size=32, classes=4, anywhere=True, radius=(0.24, 0.34))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("cub")
    write_cub(SPEC, root)
    return root


@pytest.fixture
def cub(drawn, tmp_path):
    return Path(shutil.copytree(drawn, tmp_path / "cub"))


def rewrite(path, line, change):
    """Changes one line of a list; None leaves it out."""
    lines = path.read_text().splitlines()
    lines[line : line + 1] = [] if change is None else [change(lines[line])]
    path.write_text("".join(f"{text}\n" for text in lines))


def metadata(cub, split="test"):
    return cub / "wsol_metadata" / "CUB" / split


@pytest.mark.parametrize("split", ["train", "test"])
def test_both_formats_say_the_same(cub, split):
    ours, theirs = read_cub(cub / "CUB_200_2011", split), read_wsol(metadata(cub, split))
    assert ours.names == theirs.names
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    np.testing.assert_array_equal(ours.sizes, theirs.sizes)
    assert [b.tolist() for b in ours.boxes] == [b.tolist() for b in theirs.boxes]


def test_the_validation_split_stands_in_the_metadata_only(cub):
    assert len(read_truth("cub", cub / "CUB_200_2011", "val")) == SPEC.val


def test_another_layout_is_refused(cub):
    with pytest.raises(DataError, match="cub layout, found 'voc'"):
        read_truth("voc", cub, "test")


def test_an_image_may_have_several_boxes(cub):
    path = metadata(cub) / "localization.txt"
    name = read_wsol(metadata(cub)).names[0]
    path.write_text(path.read_text() + f"{name},1,2,9,8\n")
    assert read_wsol(metadata(cub)).boxes[0].tolist()[1] == [1, 2, 9, 8]


@pytest.mark.parametrize("file", ["class_labels", "image_sizes", "localization"])
def test_an_image_without_its_entry_is_named(cub, file):
    name = read_wsol(metadata(cub)).names[2]
    rewrite(metadata(cub) / f"{file}.txt", 2, None)
    with pytest.raises(DataError, match=name):
        read_wsol(metadata(cub))


def test_an_image_that_the_metadata_lacks_is_named(cub):
    with pytest.raises(DataError, match=r"no entry for the image '009.none/none.jpg'"):
        read_wsol(metadata(cub)).of(["009.none/none.jpg"])


def test_an_image_without_a_line_of_bounding_boxes_is_named(cub):
    rewrite(cub / "CUB_200_2011" / "bounding_boxes.txt", 10, None)
    with pytest.raises(
        DataError, match=r"bounding_boxes.txt: no box for the image .* \(number 11\)"
    ):
        read_cub(cub / "CUB_200_2011", "test")


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((5, 5, 40, 20), r"inside the 32 x 32 image, found \(5, 5, 40, 20\)"),
        ((-1, 5, 10, 20), "inside the 32 x 32 image"),
        ((5, 5, 5, 20), r"a box without area, \(5, 5, 5, 20\)"),
        ((9, 5, 4, 20), "a box without area"),
    ],
)
@pytest.mark.parametrize("layout", ["wsol", "cub"])
def test_an_impossible_box_is_named(cub, layout, box, message):
    x0, y0, x1, y1 = box
    if layout == "wsol":
        path = metadata(cub) / "localization.txt"
        rewrite(path, 0, lambda line: f"{line.split(',')[0]},{x0},{y0},{x1},{y1}")
    else:
        path = cub / "CUB_200_2011" / "bounding_boxes.txt"
        rewrite(path, SPEC.train, lambda line: f"{SPEC.train + 1} {x0} {y0} {x1 - x0} {y1 - y0}")
    with pytest.raises(DataError, match=message) as caught:
        read_wsol(metadata(cub)) if layout == "wsol" else read_cub(cub / "CUB_200_2011", "test")
    assert path.name in str(caught.value)


def test_an_empty_split_is_refused(cub):
    for path in metadata(cub).glob("*.txt"):
        path.write_text("")
    with pytest.raises(DataError, match="found an empty split"):
        read_wsol(metadata(cub))
    with pytest.raises(DataError, match="found an empty split"):
        evaluate([], [])


def test_a_missing_list_and_a_malformed_line_are_named(cub):
    rewrite(metadata(cub) / "image_sizes.txt", 1, lambda line: "only-a-name")
    with pytest.raises(DataError, match=r"image_sizes.txt, line 2: expected 3 fields"):
        read_wsol(metadata(cub))
    (metadata(cub) / "image_sizes.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"image_sizes.txt is missing"):
        read_wsol(metadata(cub))


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "NaN or infinity in 1 of 3"), (0.5, "same value everywhere")]
)
def test_maps_that_say_nothing_are_refused_by_name(value, message):
    cams = np.random.default_rng(0).random((3, 4, 4))
    cams[1] = value
    with pytest.raises(DataError, match=rf"{message}.*b.jpg"):
        check(cams, ["a.jpg", "b.jpg", "c.jpg"])


def test_boxes_on_the_grid_are_cut_off_to_whole_pixels():
    truth = Truth(
        ("a",), np.array([0]), np.array([[500, 335]]), (np.array([[60, 27, 385, 331]]),), "test"
    )
    assert truth.on_grid(224)[0].tolist() == [[26, 18, 172, 221]]


@pytest.mark.data
def test_real_boxes_in_both_formats(mix_data):
    root = mix_data / "cub-layout-tinyimagenet"
    ours = read_cub(root / "CUB_200_2011", "test")
    theirs = read_wsol(root / "wsol_metadata" / "CUB" / "test")
    assert len(ours) == 120
    assert [b.tolist() for b in ours.boxes] == [b.tolist() for b in theirs.boxes]
    # measured with the published evaluator: 86.7 / 68.3 / 29.2
    prior = gray_levels(center_prior(224, 60.0), 224)
    metrics = evaluate([prior] * len(ours), ours.on_grid(224)).metrics()
    assert metrics["MaxBoxAccV2_30"] == pytest.approx(86.7, abs=0.05)
    assert metrics["MaxBoxAccV2_50"] == pytest.approx(68.3, abs=0.05)
    assert metrics["MaxBoxAccV2_70"] == pytest.approx(29.2, abs=0.05)
