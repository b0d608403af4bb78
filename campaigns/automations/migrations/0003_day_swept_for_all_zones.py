from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("automations", "0002_calls_of_the_team"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="dayswept", name="day_swept_once"),
        migrations.RemoveField(model_name="dayswept", name="zone"),
        migrations.AlterField(
            model_name="dayswept",
            name="automation",
            field=models.OneToOneField(
                on_delete=models.deletion.CASCADE, related_name="day_swept", to="automations.automation"
            ),
        ),
    ]
