"""Longer iteration paths (five nested loops), and indexes for the sweeper."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_first")]

    operations = [
        migrations.AlterField(
            model_name="steprun",
            name="path",
            field=models.CharField(
                blank=True, help_text="'' outside loops; 'each_mail[3]' inside one.", max_length=300
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status__in", ["running", "paused", "attention"])),
                fields=["status"],
                name="run_unfinished",
            ),
        ),
        migrations.AddIndex(
            model_name="effect",
            index=models.Index(
                condition=models.Q(("state__in", ["sent", "unknown"])), fields=["state"], name="effect_open"
            ),
        ),
    ]
