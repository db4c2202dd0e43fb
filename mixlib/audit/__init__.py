"""A conformance kit for anybody's mixing of samples, seen from outside.

    report = audit(my_collate, Claims(kind="box", alpha=1.0, prob=0.5), form=Form("collate"))
    assert not report.failures()

On a command line: ``python -m mixlib.audit "timm.data:Mixup(mixup_alpha=0.2, num_classes=10)"``; in
a test suite: ``pytest_plugins = ["mixlib.audit.pytest_plugin"]``.
"""

from mixlib.audit.claims import Claims, Effort
from mixlib.audit.finding import Finding, Verdict
from mixlib.audit.forms import Form
from mixlib.audit.run import Report, audit

__all__ = ["Claims", "Effort", "Finding", "Form", "Report", "Verdict", "audit"]
