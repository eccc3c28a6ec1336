"""Tests of kdaudit.demo_data."""
