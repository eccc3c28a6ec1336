"""The models and pictures of `kdaudit demo`, made by examples/demo/make_models.py."""
