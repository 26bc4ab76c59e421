"""What allauth asks for, with the sessions of users beside their accounts."""

from tests.compat.base import *  # noqa: F403 all of it
from tests.compat.base import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "tests.compat.allauth_site",
]
MIDDLEWARE = [
    *MIDDLEWARE,
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ROOT_URLCONF = "tests.compat.allauth_site.urls"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_RATE_LIMITS = False
LOGIN_REDIRECT_URL = "/"
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}  # Django 6.1
USERSESSIONS_TRACK_ACTIVITY = True
