from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("workflows", "0007_step_cache"),
    ]

    operations = [
        migrations.AddField(
            model_name="draftrevision",
            name="after",
            field=models.CharField(blank=True, help_text="The etag of the save that redo brings back.", max_length=32),
        ),
        migrations.AddField(
            model_name="draftrevision",
            name="before",
            field=models.CharField(blank=True, help_text="The etag of the save that undo goes back to.", max_length=32),
        ),
        migrations.AddField(
            model_name="draftrevision",
            name="what",
            field=models.CharField(blank=True, help_text="What was done, in words.", max_length=200),
        ),
    ]
