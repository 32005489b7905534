"""A django-oscar shop with as few settings as it runs with."""

import os
from urllib.parse import parse_qs, unquote, urlsplit

from oscar import INSTALLED_APPS as _OSCAR_APPS
from oscar.defaults import *  # noqa: F403 (as Oscar's own guide has it)

_url = urlsplit(os.environ["DATABASE_URL"])
_query = {name: values[-1] for name, values in parse_qs(_url.query).items()}

INSTALLED_APPS = [*_OSCAR_APPS, "sorl.thumbnail"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(_url.path[1:]),
        "USER": unquote(_url.username or ""),
        "PASSWORD": unquote(_url.password or ""),
        "HOST": _query.get("host", _url.hostname or ""),
        "PORT": _query.get("port", _url.port or ""),
        "DISABLE_SERVER_SIDE_CURSORS": True,  # as behind a transaction pooler
    }
}
SECRET_KEY = "a shop that serves nobody"  # noqa: S105
SITE_ID = 1
USE_TZ = True
LANGUAGE_CODE = "en-gb"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"  # Oscar's migrations are written for it
MEDIA_ROOT = os.environ.get("SHOP_MEDIA", "media")
MEDIA_URL = "/media/"
ROOT_URLCONF = "shops.oscar.urls"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
