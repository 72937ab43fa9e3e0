"""Web pages as devices: the DOM as a screen, through any WebDriver."""

from tapgraph.tools.mobile.web.web_device import WebDevice

__all__ = ["WebDevice"]
