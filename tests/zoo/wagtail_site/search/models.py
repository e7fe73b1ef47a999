"""What was searched for."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Query(models.Model):
    """Found again by what is alike."""

    words = models.TextField()
    hits = models.IntegerField(default=0)

    class Meta:
        indexes = [GinIndex(fields=["words"], name="search_query_words", opclasses=["gin_trgm_ops"])]
