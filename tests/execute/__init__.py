"""Tests of kdaudit.execute."""
