"""A django-oscar shop: settings and addresses, and the shop at work."""
