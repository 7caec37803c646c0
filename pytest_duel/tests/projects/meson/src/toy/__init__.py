"""Work, that a module does which not every platform has."""

from toy._work import quick

try:
    from toy._faster import busy
except ImportError:
    from toy._work import busy

__all__ = ["busy", "quick"]
