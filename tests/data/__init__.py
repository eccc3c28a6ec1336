"""Tests of kdaudit.data."""
