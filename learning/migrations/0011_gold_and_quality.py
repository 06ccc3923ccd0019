"""Gold samples with their showings and pauses, and counts of how well is judged and predicted."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0010_schema_guides"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="QualityStretch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.BigIntegerField(unique=True)),
                ("counted_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "quality_stretches",
            },
        ),
        migrations.AddField(
            model_name="learningsample",
            name="is_gold",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="hitllabel",
            name="label_source",
            field=models.CharField(
                choices=[("review", "Review"), ("gold", "Gold"), ("correction", "Correction"), ("validation", "Validation")],
                default="review",
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="GoldAnswer",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.PositiveIntegerField(default=1)),
                ("truth", models.JSONField()),
                ("truth_sha256", models.CharField(max_length=64)),
                ("category", models.CharField(blank=True, max_length=120)),
                ("showings", models.PositiveIntegerField(default=0)),
                ("right_answers", models.PositiveIntegerField(default=0)),
                ("promoted_at", models.DateTimeField(auto_now_add=True)),
                ("retired_at", models.DateTimeField(null=True)),
                ("retired_because", models.CharField(blank=True, max_length=300)),
                (
                    "module",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="learning.aimodule"
                    ),
                ),
                (
                    "promoted_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "retired_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "sample",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="golds",
                        to="learning.learningsample",
                    ),
                ),
            ],
            options={
                "verbose_name": "gold answer",
                "db_table": "gold_answers",
            },
        ),
        migrations.CreateModel(
            name="GoldShowing",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("is_right", models.BooleanField()),
                ("answered_at", models.DateTimeField()),
                (
                    "gold",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="answers", to="learning.goldanswer"
                    ),
                ),
                (
                    "label",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="gold_showing", to="learning.hitllabel"
                    ),
                ),
                (
                    "module",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="learning.aimodule"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "gold showing",
                "db_table": "gold_showings",
            },
        ),
        migrations.CreateModel(
            name="GoldTurn",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveBigIntegerField(default=0)),
                (
                    "module",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="learning.aimodule"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "gold_turns",
            },
        ),
        migrations.CreateModel(
            name="QualityCount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("week", models.DateField()),
                (
                    "measure",
                    models.CharField(
                        choices=[
                            ("judged", "Judged"),
                            ("pair", "Pair"),
                            ("iou", "Iou"),
                            ("said", "Said"),
                            ("said_char", "Said Character"),
                            ("characters", "Characters"),
                            ("predicted", "Predicted"),
                            ("predicted_char", "Predicted Character"),
                            ("corrected", "Corrected"),
                            ("checked", "Checked"),
                            ("returned", "Returned"),
                            ("gold", "Gold"),
                        ],
                        max_length=14,
                    ),
                ),
                ("model", models.CharField(blank=True, max_length=120)),
                ("version", models.CharField(blank=True, max_length=40)),
                ("said", models.CharField(blank=True, max_length=120)),
                ("meant", models.CharField(blank=True, max_length=120)),
                ("judges", models.PositiveSmallIntegerField(default=0)),
                ("n", models.PositiveIntegerField()),
                ("hits", models.PositiveIntegerField(default=0)),
                ("amount", models.FloatField(default=0.0)),
                (
                    "city",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="learning.city",
                    ),
                ),
                (
                    "module",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="learning.aimodule"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "stretch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="counts", to="learning.qualitystretch"
                    ),
                ),
            ],
            options={
                "db_table": "quality_counts",
            },
        ),
        migrations.CreateModel(
            name="AnnotatorPause",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("why", models.CharField(max_length=300)),
                ("score", models.FloatField(null=True)),
                ("answers", models.PositiveIntegerField(default=0)),
                ("since", models.DateTimeField(auto_now_add=True)),
                ("lifted_at", models.DateTimeField(null=True)),
                ("lifted_because", models.CharField(blank=True, max_length=300)),
                (
                    "by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "lifted_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "module",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pauses",
                        to="learning.aimodule",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pauses",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "pause",
                "db_table": "annotator_pauses",
                "indexes": [models.Index(fields=["user", "module", "lifted_at"], name="pause_of_person")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at__isnull", True)), fields=("user", "module"), name="pause_one_at_a_time"
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="goldanswer",
            index=models.Index(
                condition=models.Q(("retired_at__isnull", True)), fields=["module", "showings", "id"], name="gold_least_shown"
            ),
        ),
        migrations.AddConstraint(
            model_name="goldanswer",
            constraint=models.UniqueConstraint(fields=("sample", "version"), name="gold_version_once"),
        ),
        migrations.AddConstraint(
            model_name="goldanswer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("retired_at__isnull", True)), fields=("sample",), name="gold_one_answer_per_sample"
            ),
        ),
        migrations.AddConstraint(
            model_name="goldanswer",
            constraint=models.CheckConstraint(
                condition=models.Q(("right_answers__lte", models.F("showings"))), name="gold_right_answers_were_shown"
            ),
        ),
        migrations.AddIndex(
            model_name="goldshowing",
            index=models.Index(fields=["user", "module", "id"], name="gold_showing_of_person"),
        ),
        migrations.AddConstraint(
            model_name="goldturn",
            constraint=models.UniqueConstraint(fields=("user", "module"), name="gold_turn_once"),
        ),
        migrations.AddIndex(
            model_name="qualitycount",
            index=models.Index(fields=["module", "measure", "week"], name="quality_count_cut"),
        ),
    ]
