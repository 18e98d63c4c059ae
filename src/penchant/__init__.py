"""Penchant: a recommender engine whose unit is the interest."""
