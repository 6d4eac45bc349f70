"""Tables for whatever frames the user has: nothing is imported before it is asked for."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from socrates import _native

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


class Table:
    """A table of results: as Arrow (any library that takes the Arrow PyCapsule interface), pandas, polars, or plain rows."""

    def __init__(self, *, parquet: bytes | None = None, rows: list[dict[str, Any]] | None = None) -> None:
        self._parquet = parquet
        self._rows = rows

    def to_arrow(self) -> pyarrow.Table:
        """As a `pyarrow.Table`."""
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise _missing("pyarrow", "arrow") from error
        if self._parquet is None:
            return pyarrow.Table.from_pylist(self._rows or [])
        return pyarrow.parquet.read_table(io.BytesIO(self._parquet))

    def to_pandas(self) -> pandas.DataFrame:
        """As a `pandas.DataFrame`."""
        try:
            import pandas
        except ImportError as error:
            raise _missing("pandas", "pandas") from error
        if self._parquet is None:
            return pandas.DataFrame(self._rows or [])
        return self.to_arrow().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """As a `polars.DataFrame`."""
        try:
            import polars
        except ImportError as error:
            raise _missing("polars", "polars") from error
        if self._parquet is None:
            return polars.DataFrame(self._rows or [], infer_schema_length=None)
        return polars.read_parquet(io.BytesIO(self._parquet))

    def to_dicts(self) -> list[dict[str, Any]]:
        """As a list of rows."""
        if self._rows is not None:
            return [dict(row) for row in self._rows]
        rows: list[dict[str, Any]] = self.to_arrow().to_pylist()
        return rows

    def to_parquet(self) -> bytes:
        """As the bytes of a Parquet file."""
        if self._parquet is not None:
            return self._parquet
        import pyarrow.parquet

        sink = io.BytesIO()
        pyarrow.parquet.write_table(self.to_arrow(), sink)
        return sink.getvalue()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow PyCapsule interface: `polars.DataFrame(table)`, `duckdb.sql("from table")`, ..."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return len(self._rows) if self._rows is not None else int(self.to_arrow().num_rows)

    def _repr_html_(self) -> str:
        return str(self.to_pandas().to_html())

    def __repr__(self) -> str:
        try:
            return str(self.to_pandas())
        except _native.SocratesError:
            return f"Table({len(self._rows or [])} rows)" if self._parquet is None else "Table(Parquet)"


def _missing(library: str, extra: str) -> _native.SocratesError:
    return _native.InputError(f"`{library}` is not installed: `pip install {library}`, or install socrates with its extra `{extra}`")
