"""The next migration of the site: a table of its own, a column more, an index on it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("search", "0001_initial")]
    operations = [
        migrations.AddField("query", "hits", models.IntegerField(default=0)),
        migrations.CreateModel(
            "Synonym",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("of", models.ForeignKey("search.Query", models.CASCADE)),
                ("words", models.TextField(db_index=True)),
            ],
        ),
    ]
