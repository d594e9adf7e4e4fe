"""One self-contained page of an evaluation, to send round."""

from xent.report.page.build import page_of
from xent.report.page.fill import check_installed, render
from xent.report.page.model import Page
from xent.report.page.page import html_page, write_page

__all__ = ["Page", "check_installed", "html_page", "page_of", "render", "write_page"]
