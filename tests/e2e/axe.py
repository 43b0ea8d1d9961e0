"""What axe-core finds wrong with a page, for people who see, hear or move in other ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .stage import BrowserPhone

AXE = Path(__file__).parent / "js" / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = """axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map(
  (one) => [one.id, one.help, ...one.nodes.map((node) => node.html.slice(0, 120) + node.failureSummary)]))"""


def findings(page: BrowserPhone) -> Any:
    """List each finding with its places; nothing for a page that all can use."""
    page.run(AXE.read_text() + "; 0")
    return page.run(FINDINGS)
