"""How far somebody looked for a label or an attribute in what was ever said."""

from django.db import models

from learning.models.module import AiModule


class SchemaPart(models.TextChoices):
    """What of a schema may leave it again."""

    LABEL = "label"
    ATTRIBUTE = "attribute"


class LabelUse(models.Model):
    """What a worker found of one label or attribute (by its id) among samples and judgements up to two keys.

    Predictions and corrections never change, so what was looked through need not be again.
    """

    id = models.BigAutoField(primary_key=True)
    module = models.ForeignKey(AiModule, on_delete=models.CASCADE, related_name="+", db_index=False)
    part = models.CharField(max_length=10, choices=SchemaPart)
    number = models.PositiveIntegerField()
    samples_until = models.BigIntegerField(default=0)
    labels_until = models.BigIntegerField(default=0)
    is_said = models.BooleanField(default=False)

    class Meta:
        db_table = "label_uses"
        constraints = [models.UniqueConstraint(fields=["module", "part", "number"], name="label_use_once")]

    def __str__(self) -> str:
        return f"{self.part} {self.number}"
