"""Figures, drawn without a screen: the one place that knows the library which draws them."""

from penchant.core.errors import MissingExtraError

try:
    from matplotlib.figure import Figure as Figure
except ImportError as error:
    raise MissingExtraError("report", "drawing figures", "matplotlib") from error
