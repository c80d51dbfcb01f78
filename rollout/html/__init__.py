"""The report as one self-contained HTML file, for people and for print."""

from rollout.html.folder import ReportFolder
from rollout.html.page import draw_report, render_page

__all__ = ["ReportFolder", "draw_report", "render_page"]
