"""Writers of a table: a sheet in, text out, one module per format.

None of them reads declarations or results; see :mod:`paper_tables.sheet`.
"""

from paper_tables.writers.csv import write_csv
from paper_tables.writers.html import write_html
from paper_tables.writers.latex import write_tex
from paper_tables.writers.markdown import write_markdown
from paper_tables.writers.metrics import write_metrics

__all__ = ["write_csv", "write_html", "write_markdown", "write_metrics", "write_tex"]
