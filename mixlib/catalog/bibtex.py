"""BibTeX of methods: ``python -m mixlib.catalog.bibtex [METHOD ...]`` prints the entries of their
papers, each once; without a name, of all."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from mixlib.catalog.methods import METHODS, method
from mixlib.core.method import Method

# "authors, title, venue year, identifier", as rows cite
_CITE = re.compile(
    r"(?P<authors>[^,]+?(?: et al\.)?), (?P<title>.+?), (?:(?P<venue>[^,]*?) )?(?P<year>\d{4})"
    r", (?P<id>\S+)"
)
_ARXIV = "arXiv:"
_JOURNALS = ("IEEE TCSVT", "Pattern Recognition")


def entries(rows: Iterable[Method]) -> list[str]:
    """The entries of the papers of some methods, each paper once; a row without a paper has none.

    Example:
        >>> from mixlib.catalog.methods import METHODS
        >>> print(entries([METHODS["mixup"]])[0])
        @inproceedings{mixup,
          title = {{mixup: Beyond Empirical Risk Minimization}},
          author = {Zhang and others},
          booktitle = {ICLR},
          year = {2018},
          eprint = {1710.09412},
          archivePrefix = {arXiv},
        }
    """
    found: dict[str, str] = {}
    for row in rows:
        parts = _CITE.fullmatch(row.cite)
        if parts is not None:
            found.setdefault(parts["id"], _entry(row.name, parts))
    return list(found.values())


def _entry(key: str, parts: re.Match[str]) -> str:
    authors = parts["authors"].replace(" et al.", " and others")
    fields = {"title": f"{{{parts['title']}}}", "author": authors}
    venue = parts["venue"]
    if venue:
        fields["journal" if venue in _JOURNALS else "booktitle"] = venue
    fields["year"] = parts["year"]
    name = parts["id"]
    if name.startswith(_ARXIV):
        fields |= {"eprint": name.removeprefix(_ARXIV), "archivePrefix": "arXiv"}
    elif name.startswith("doi:"):
        fields["doi"] = name.removeprefix("doi:")
    else:
        fields["url"] = f"https://{name}"
    kind = "article" if venue in _JOURNALS else "inproceedings" if venue else "misc"
    body = "".join(f"  {word} = {{{text}}},\n" for word, text in fields.items())
    return f"@{kind}{{{key},\n{body}}}"


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv[1:]):
        sys.exit(print(__doc__))
    try:
        asked = [method(name) for name in sys.argv[1:]] or list(METHODS.values())
    except KeyError as error:
        sys.exit(f"error: {error.args[0]}")
    print("\n\n".join(entries(asked)))
