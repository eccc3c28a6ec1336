"""Tests of kdaudit.models."""
