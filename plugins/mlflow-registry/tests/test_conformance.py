"""What the core expects of any mirror, and that MLflow stays away until somebody pushes or pulls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from darwin_core import ConfigError, Mirror
from darwin_core.plugins import Plugins
from darwin_core.testing import fake_options

STRANGERS = (
    "bad = sorted({'mlflow', 'requests', 'databricks'} & {m.split('.')[0] for m in sys.modules}); assert not bad, bad"
)


def test_the_deployment_s_name_for_it_makes_a_mirror() -> None:
    options = fake_options({"uri": "http://127.0.0.1:5000"})
    made, owner = Plugins(Path()).make("make_mirror", "mirror", "mlflow", "here", options=options)
    assert isinstance(made, Mirror)
    assert made.place == "http://127.0.0.1:5000"
    assert str(owner) == "mirror 'mlflow' (darwin-mlflow 0.1.0)"


@pytest.mark.parametrize(
    "work",
    [
        "import darwin_mlflow",
        "Plugins(Path()).make('make_mirror', 'mirror', 'mlflow', 'here', options=fake_options({'uri': 'http://127.0.0.1:1'}))",
        "RegistryTable(mirror={'use': 'mlflow', 'uri': 'http://127.0.0.1:1'}).open(Path()).agents()",
    ],
)
def test_nothing_of_mlflow_is_imported_before_a_push_or_a_pull(work: str) -> None:
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from darwin_core.plugins import Plugins\nfrom darwin_core.registry import RegistryTable\n"
        f"from darwin_core.testing import fake_options\n{work}\n{STRANGERS}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "the key 'uri' is missing"),
        ({"uri": "mlflow.example.com"}, "is no MLflow server: write https://HOST:PORT"),
        ({"uri": "sqlite:///m.db"}, "is no MLflow server"),
        ({"uri": "databricks"}, "is no MLflow server"),
        ({"uri": "http://"}, "is no MLflow server"),
        ({"uri": "https://ann:secret@mlflow.example.com"}, "a name or password does not stand in this file"),
        ({"uri": "http://h", "experiment": "a'b"}, "plugin.experiment"),
        ({"uri": "http://h", "prefix": "a/b"}, "plugin.prefix"),
        ({"uri": "http://h", "timeout_s": 0}, "plugin.timeout_s"),
        ({"uri": "http://h", "retries": 9}, "plugin.retries"),
        ({"uri": "http://h", "url": "x"}, "unknown key: did you mean 'uri'?"),
    ],
)
def test_a_mistake_in_the_options_is_told_with_its_place(made, table: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(**table)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_credentials_go_over_https_or_stay_on_this_machine(made, monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(uri="http://mlflow.example.com").place == "http://mlflow.example.com"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "a token")
    with pytest.raises(ConfigError, match="in the clear: use https"):
        made(uri="http://mlflow.example.com")
    for uri in ("https://mlflow.example.com", "http://127.0.0.1:5000", "http://localhost:5000", "http://[::1]:5000"):
        assert made(uri=uri).place == uri
