from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_first"),
        ("workflows", "0015_samples"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="draftrevision",
            index=models.Index(fields=["workflow", "etag"], name="revision_by_etag"),
        ),
    ]
