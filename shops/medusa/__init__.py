"""A Medusa shop: the shop at work is shop.js."""
