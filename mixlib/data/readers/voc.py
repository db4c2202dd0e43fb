"""Pascal VOC's official layout (Everingham et al., 2010): lists, class lists and annotations.

The one reader of VOC files: it counts splits, names classes and reads objects.  Corners stay as
VOC counts them, pixels from 1 with the last one included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from mixlib.data.errors import existing, wrong
from mixlib.data.folders import SUFFIXES, FolderIndex, hidden
from mixlib.data.text_files import Row, read_table, refuse_repeated

Element = ElementTree.Element
SPLITS = {
    "trainval0712": (("VOC2007", "trainval"), ("VOC2012", "trainval")),
    "test2007": (("VOC2007", "test"),),
}
"""A split's name in the catalog -> the lists that it joins: (year's folder, list)."""
CLASS_LIST = "_trainval.txt"
SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class VocObject:
    """One object: its class, corners (xmin, ymin, xmax, ymax) from 1, and whether it is hard."""

    name: str
    corners: tuple[float, float, float, float]
    difficult: bool


@dataclass(frozen=True)
class VocImage:
    """One annotated image: its name in the lists, file, size in pixels, and objects."""

    name: str
    path: Path
    width: int
    height: int
    objects: tuple[VocObject, ...]
    source: Path


def read_names(root: Path, year: str, split: str) -> list[Row]:
    """The lines of ImageSets/Main/<split>.txt: an image's name each, a flag of -1, 0 or 1 left
    out.

    Raises:
        DataError: the list is empty, or names an image twice.
    """
    path = root / year / "ImageSets" / "Main" / f"{split}.txt"
    rows, files = read_table(path, 1, "a list of image names"), FolderIndex()
    for row in rows:
        # "photo 1" may be a name, too
        if root / year / "Annotations" / f"{row[0]}.xml" not in files:
            row.fields = (re.sub(r"\s+(-1|0|1)$", "", row[0]),)
    if not rows:
        raise wrong(path, "one image name a line", "an empty list", "unpack the archive again")
    refuse_repeated(rows, 0)
    return rows


def read_classes(root: Path, year: str = "VOC2007") -> tuple[str, ...]:
    """Names of the classes: those with a list ImageSets/Main/<class>_trainval.txt.

    Raises:
        DataError: no class has a list.
    """
    main = existing(root / year / "ImageSets" / "Main", "the lists of a Pascal VOC year")
    lists = (path.name for path in main.glob(f"*{CLASS_LIST}") if not hidden(path.name))
    if not (names := tuple(sorted(name.removesuffix(CLASS_LIST) for name in lists))):
        raise wrong(
            main,
            f"a list <class>{CLASS_LIST} of every class",
            "none",
            f"add one a class (an empty file will do), e.g. dog{CLASS_LIST}",
        )
    return names


def read_year(root: Path, year: str, split: str) -> list[VocImage]:
    """The annotated images of a list, in its order.

    Raises:
        DataError: a file is missing or malformed; names it, and what lies there instead.
    """
    folder = existing(root / year, "a Pascal VOC year folder")
    annotations = existing(folder / "Annotations", "the annotations")
    files, found = FolderIndex(), []
    for row in read_names(root, year, split):
        source, image = annotations / f"{row[0]}.xml", folder / "JPEGImages" / f"{row[0]}.jpg"
        if row[0].lower().endswith(SUFFIXES) and source not in files:
            raise row.wrong("a name without suffix", repr(row[0]), "leave the suffix out")
        found.append(
            read_annotation(files.find(source, row.place), row[0], files.find(image, row.place))
        )
    return found


def read_annotation(source: Path, name: str, image: Path) -> VocImage:
    """The annotation in an XML file of the image `image`, which lists call `name`."""
    root = read_xml(source)
    sides = [_number(_text(root, f"size/{side}", source), source) for side in ("width", "height")]
    if min(sides) < 1 or any(side != int(side) for side in sides):
        found = " x ".join(f"{side:g}" for side in sides)
        raise wrong(source, "whole width and height of at least 1", found, "correct the size")
    objects = tuple(_object(entry, source) for entry in root.iter("object"))
    return VocImage(name, image, int(sides[0]), int(sides[1]), objects, source)


def read_xml(source: Path) -> Element:
    """The root element of an XML file, in whatever encoding its first line says.

    Raises:
        DataError: it is not readable as XML.
    """
    content = existing(source, "an annotation").read_bytes()
    try:
        try:
            return ElementTree.fromstring(content)
        except ValueError:  # expat knows no encoding of several bytes but UTF
            encoding = re.match(rb"""<\?xml[^>]*encoding=["']([\w.-]+)["'][^>]*\?>""", content)
            text = content.decode(encoding[1].decode() if encoding else "utf-8")
            return ElementTree.fromstring(re.sub(r"^<\?xml[^>]*\?>", "", text))
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        found = f"{error}" if content.strip() else "an empty file"
        raise wrong(source, "an annotation in XML", found, "unpack the archive again") from None


def _object(entry: Element, source: Path) -> VocObject:
    corners = [_number(_text(entry, f"bndbox/{side}", source), source) for side in SIDES]
    hard = entry.findtext("difficult", "0").strip()
    if hard not in ("0", "1"):
        raise wrong(source, "0 or 1 in <difficult>", repr(hard), "correct the object")
    x0, y0, x1, y1 = corners
    return VocObject(_text(entry, "name", source), (x0, y0, x1, y1), hard == "1")


def _text(node: Element, path: str, source: Path) -> str:
    found = node.findtext(path)
    if found is None or not found.strip():
        raise wrong(source, f"an element <{path}> in <{node.tag}>", "none", "add it")
    return found.strip()


def _number(text: str, source: Path) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        remedy = "write a point" if re.fullmatch(r"-?\d+,\d+", text) else "correct the file"
        raise wrong(source, "a number", repr(text), remedy)
    return value
