"""The tracking server's own migrations: ``migrate.py`` to the newest of its release; with a revision back to it."""

import os
import sys

from alembic import command
from mlflow.store.db import utils
from sqlalchemy import inspect

url = os.environ["ZOO_URL"]
engine = utils.create_sqlalchemy_engine(url)
if len(sys.argv) > 1:
    command.downgrade(utils._get_alembic_config(url), sys.argv[1])
elif inspect(engine).get_table_names():
    utils._upgrade_db(engine)  # as ``mlflow db upgrade`` does
else:
    utils._initialize_tables(engine)  # as the server does on an empty database
