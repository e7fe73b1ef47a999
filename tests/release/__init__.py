"""Releases of the product, brought to deployed databases."""
