"""Runs with a concurrency key take turns: their key, and since when they have had their turn."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_first"), ("workflows", "0003_waits")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="admitted_at",
            field=models.DateTimeField(help_text="When it got its turn; it keeps it until its end.", null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="concurrency_key",
            field=models.CharField(help_text="Runs with the same key take turns.", max_length=200, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="concurrency_limit",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="concurrency_policy",
            field=models.CharField(help_text="queue, drop, replace", max_length=8, null=True),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("concurrency_key__isnull", False), ("finished_at__isnull", True)),
                fields=["concurrency_key", "workflow", "id"],
                name="run_turns",
            ),
        ),
    ]
