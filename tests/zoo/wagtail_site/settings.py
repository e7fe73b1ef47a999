"""A small Wagtail site, as ``wagtail start`` makes one, with an app of its own that searches by trigrams."""

import os

SECRET_KEY = "a test of the zoo"
DEBUG = False
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = [
    "search",
    *(
        "wagtail." + name
        for name in ("contrib.forms", "contrib.redirects", "embeds", "sites", "users", "snippets", "documents")
    ),
    *("wagtail." + name for name in ("images", "search", "admin")),
    "wagtail",
    "modelcluster",
    "taggit",
    *("django.contrib." + name for name in ("auth", "contenttypes", "sessions", "messages", "staticfiles", "postgres")),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "urls"
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
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PGDATABASE"],
        "USER": os.environ["PGUSER"],
        "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
WAGTAIL_SITE_NAME = "a site"
WAGTAILADMIN_BASE_URL = "http://testserver"
STATIC_URL = "/static/"
USE_TZ = True
