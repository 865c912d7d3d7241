"""Waits: who may decide and between what; events delivered to runs; a run that a step of another run started."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import orchestrator_site.lib.clock
import orchestrator_site.lib.fields
import orchestrator_site.lib.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_first"),
        ("workflows", "0002_engine"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DeliveredEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=orchestrator_site.lib.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=48)),
                ("data", orchestrator_site.lib.fields.JSONText(null=True)),
                ("idempotency_key", models.CharField(max_length=128, null=True)),
                ("delivered_by", models.CharField(blank=True, max_length=200)),
                ("delivered_at", models.DateTimeField(default=orchestrator_site.lib.clock.now)),
            ],
        ),
        migrations.AddField(
            model_name="run",
            name="starter",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="wait",
            name="rules",
            field=orchestrator_site.lib.fields.JSONText(
                default=dict, help_text="Who may decide, and between what: approvers, not_starter, choices."
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="ending",
            field=models.CharField(blank=True, help_text="Nothing new starts: cancel, deadline, pause.", max_length=16),
        ),
        migrations.AlterField(
            model_name="wait",
            name="fields",
            field=orchestrator_site.lib.fields.JSONText(
                default=list, help_text="What is asked, each with the draft of its value."
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                condition=models.Q(("parent_step__isnull", False)), fields=("parent_step",), name="run_of_a_step_once"
            ),
        ),
        migrations.AddField(
            model_name="deliveredevent",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="delivered", to="workflows.run"
            ),
        ),
        migrations.AddField(
            model_name="deliveredevent",
            name="taken_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="taken", to="workflows.wait"
            ),
        ),
        migrations.AddField(
            model_name="deliveredevent",
            name="workspace",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.workspace"
            ),
        ),
        migrations.AddIndex(
            model_name="deliveredevent",
            index=models.Index(
                condition=models.Q(("taken_by__isnull", True)), fields=["run", "name", "id"], name="event_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="deliveredevent",
            constraint=models.UniqueConstraint(fields=("run", "idempotency_key"), name="delivered_event_once"),
        ),
    ]
