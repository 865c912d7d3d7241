"""Limits of a connection of its own; buckets and breakers, shared by all workers."""

import django.db.models.deletion
from django.db import migrations, models

import orchestrator_site.lib.fields


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_first"),
        ("integrations", "0002_learned"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="at_once",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Calls at the same time, of all workers together; empty or 0: no limit.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="requests_per_minute",
            field=models.PositiveIntegerField(
                blank=True, help_text="Of all workers together; empty: as the service asks for, 0: no limit.", null=True
            ),
        ),
        migrations.CreateModel(
            name="Breaker",
            fields=[
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="breaker",
                        serialize=False,
                        to="integrations.connection",
                    ),
                ),
                ("state", models.CharField(default="closed", help_text="closed, open, half_open", max_length=16)),
                (
                    "failures",
                    models.PositiveIntegerField(default=0, help_text="Calls without an answer since the last answer."),
                ),
                ("trips", models.PositiveIntegerField(default=0)),
                ("since", models.DateTimeField(help_text="When the first of these calls failed.", null=True)),
                ("opened_at", models.DateTimeField(null=True)),
                ("retry_at", models.DateTimeField(help_text="When one call is let through to try.", null=True)),
                ("last_error", models.CharField(blank=True, max_length=500)),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.workspace"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Bucket",
            fields=[
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="bucket",
                        serialize=False,
                        to="integrations.connection",
                    ),
                ),
                (
                    "blocked_until",
                    models.DateTimeField(help_text="The service asked to wait until then (Retry-After).", null=True),
                ),
                (
                    "taken",
                    orchestrator_site.lib.fields.JSONText(
                        default=dict, help_text="Limit → the moment up to which its tokens are given out."
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.workspace"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
    ]
