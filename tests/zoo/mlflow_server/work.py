"""A day of the tracking server: it starts, and a training logs into it over its API; prints how many measurements the run has."""

import os
import socket
import threading
import time
from pathlib import Path

os.environ |= {
    "_MLFLOW_SERVER_FILE_STORE": os.environ["ZOO_URL"],
    "_MLFLOW_SERVER_ARTIFACT_ROOT": str(Path("artifacts").resolve()),
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
import uvicorn
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.server.fastapi_app import app

listening = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()

client = MlflowClient(f"http://127.0.0.1:{listening.getsockname()[1]}")
name = f"nightly-{time.time_ns()}"
run = client.create_run(client.create_experiment(name)).info.run_id
now = int(time.time() * 1000)
losses = [Metric("loss", 1 / (step + 1), now + step, step) for step in range(20)]
client.log_batch(run, losses, [Param("rate", "0.01"), Param("layers", "3")])
client.log_batch(run, losses)  # a client that tries again: what is there stays, and is no error
client.log_metric(run, "accuracy", 0.9)
client.log_param(run, "rate", "0.01")
client.set_tag(run, "reviewed", "no")
client.set_tag(run, "reviewed", "yes")
client.set_terminated(run)
client.create_registered_model(name)
client.create_model_version(name, f"runs:/{run}/model", run)
client.delete_run(run)  # it goes into the bin
client.restore_run(run)
found = client.search_runs([client.get_experiment_by_name(name).experiment_id], "metrics.loss < 0.1")
assert [r.data.params["rate"] for r in found] == ["0.01"]
print(found[0].info.status, len(client.get_metric_history(run, "loss")))
server.should_exit = True
