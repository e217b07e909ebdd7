"""Looks: pictures of outfits, and their products."""
