"""A day of the site's editors: ``work.py`` logs in, writes a page, publishes it, and takes it away; prints how many entries the log has."""

import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django

django.setup()
from django.contrib.auth import get_user_model
from django.test import Client
from wagtail.models import ModelLogEntry, Page, PageLogEntry


def main() -> None:
    users = get_user_model().objects
    ann = users.filter(username="ann").first() or users.create_superuser("ann", "ann@example.org", "a password")
    client = Client()
    client.force_login(ann)
    home = Page.objects.get(depth=2)
    title = f"Page {PageLogEntry.objects.count()}"
    page = home.add_child(instance=Page(title=title, owner=ann))
    page.save_revision(user=ann, log_action=True).publish(user=ann)
    page.unpublish(user=ann)
    page.delete(user=ann)
    editor = client.post(
        "/admin/users/new/",
        {
            "username": f"bob{ModelLogEntry.objects.count()}",
            "email": "bob@example.org",
            "first_name": "Bob",
            "last_name": "B",
            "password1": "long password 1",
            "password2": "long password 1",
            "is_active": "on",
        },
    )
    if editor.status_code != 302:
        sys.exit(f"no new editor: {editor.status_code}")
    print(PageLogEntry.objects.count(), ModelLogEntry.objects.count())


main()
