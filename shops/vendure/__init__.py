"""A Vendure shop: the shop at work is shop.js."""
