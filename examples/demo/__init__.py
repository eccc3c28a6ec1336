"""The models and the data that `kdaudit demo` audits, and how they were made."""
