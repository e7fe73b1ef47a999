"""qt001_cp: takes ownership and privileges from an over-powerful application role, reversibly and with evidence."""

__version__ = "0.1.0"
