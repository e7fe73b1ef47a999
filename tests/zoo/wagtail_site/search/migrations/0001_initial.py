"""The site makes its extension itself, with the rights of its own login."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        TrigramExtension(),
        migrations.CreateModel("Query", [("id", models.BigAutoField(primary_key=True)), ("words", models.TextField())]),
        migrations.AddIndex("query", GinIndex(fields=["words"], name="search_query_words", opclasses=["gin_trgm_ops"])),
    ]
