"""Markets in tables: offers and demand in, prices and dispatch out, in the caller's own library.

Tables of Polars, pandas, PyArrow and DuckDB will do, and all that export Arrow's PyCapsule
interface (``__arrow_c_stream__``). It needs the extra `frames`. `docs/frames.md` has the rules.
"""

try:
    import narwhals  # noqa: F401
    import pyarrow  # noqa: F401, ICN001
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"easy_marl.market.frames needs {error.name}: `pip install narwhals pyarrow`",
        name=error.name,
    ) from error

from easy_marl.market.frames.clearing import Cleared, clear
from easy_marl.market.frames.settling import Settled, settle

__all__ = ["Cleared", "Settled", "clear", "settle"]
