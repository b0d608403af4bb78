"""What keeps an address once is a constraint of the table, without the second index that a unique text field has."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('subscribers', '0002_lists_quarantine_merges'),
    ]

    operations = [
        migrations.AlterField(
            model_name='subscriber',
            name='address_key',
            field=models.CharField(editable=False, max_length=64),
        ),
        migrations.AlterField(
            model_name='subscriber',
            name='email',
            field=models.CharField(max_length=254, null=True),
        ),
        migrations.AddConstraint(
            model_name='subscriber',
            constraint=models.UniqueConstraint(fields=('email',), name='subscriber_email_once'),
        ),
        migrations.AddConstraint(
            model_name='subscriber',
            constraint=models.UniqueConstraint(fields=('address_key',), name='subscriber_address_key_once'),
        ),
    ]
