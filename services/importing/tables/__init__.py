"""Tables as people send them (xlsx, csv, ndjson), read row by row as records with known field names."""

from .headers import Columns
from .problems import TableError
from .record import Cell, Formula, Record
from .rejects import RejectedRows
from .source import Source, open_source

__all__ = ["Cell", "Columns", "Formula", "Record", "RejectedRows", "Source", "TableError", "open_source"]
