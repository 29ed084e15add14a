"""Configuration: the example is complete, and every mistake is named at once."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from newsletter.config import Config
from newsletter.config_loading import load_config, masked
from newsletter.errors import ConfigError

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def mistakes_of(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as e:
        load_config(write(tmp_path, text), {})
    return e.value.mistakes


def test_the_example_loads_as_it_stands() -> None:
    config = load_config(EXAMPLE, {})
    assert config.sources.arxiv is not None and config.signals.hackernews is not None


def _keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = [
            t
            for t in (field.annotation, *getattr(field.annotation, "__args__", ()))
            if isinstance(t, type)
        ]
        models = [t for t in inner if issubclass(t, BaseModel)]
        found |= _keys(models[0], f"{key}.") if models else {key}
    return found


def test_every_key_is_in_the_example_and_none_besides() -> None:
    text = re.sub(r"(?m)^#(\[|\w+ = )", r"\1", EXAMPLE.read_text())

    def flat(table: dict[str, object], prefix: str = "") -> set[str]:
        found = set()
        for key, value in table.items():
            value = (
                value[0]
                if isinstance(value, list) and value and isinstance(value[0], dict)
                else value
            )
            found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key}
        return found

    secrets = {  # environment only
        "smtp.password",
        "signals.github.token",
        "summaries.key",
        "bounces.hook_secret",
        "bounces.imap_password",
        "web.metrics_token",
    }
    keys = {
        key for key in _keys(Config) if not key.startswith("smtp.fallback.")
    }  # the same as those of [smtp]
    assert flat(tomllib.loads(text)) == keys - {"sources.feeds"} - secrets | {
        "sources.feeds.name",
        "sources.feeds.url",
        "sources.feeds.field",
        "smtp.fallback.host",
        "smtp.fallback.port",
    }


def test_H02_every_mistake_is_named_with_its_key_and_the_nearest_valid_one(tmp_path: Path) -> None:
    text = (
        '[site]\nnmae = "x"\ntimezone = "Europe/Berln"\n[smtp]\nporrt = 5\nport = 0\nsecurity '
        '= "non"\n'
    )
    found = mistakes_of(tmp_path, text)
    assert "site.nmae: unknown key; did you mean site.name?" in found
    assert "smtp.porrt: unknown key; did you mean smtp.port?" in found
    assert any(m.startswith("site.timezone:") and "Europe/Berlin" in m for m in found)
    assert any(m.startswith("smtp.port:") for m in found)
    assert any(m.startswith("smtp.security:") for m in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[smtp]\nhost = "mail.example.org"\nsecurity = "none"', "smtp.security"),
        ('[smtp]\nusername = "x"', "smtp.password_file"),
        ('[site]\nbase_url = "http://papers.example.org"', "https"),
        ('[dkim]\ndomain = "example.org"', "dkim"),
        ('[sources.arxiv]\ncategories = ["CL!"]', "sources.arxiv.categories"),
        ('[[sources.feeds]]\nname = "arxiv"\nurl = "https://x.org"', "sources.feeds.0.name"),
        ('[site]\nfrom = "a@x.org\\r\\nBcc: b@y.org"', "site.from"),
        ("[site\n", "line 1"),
    ],
)
def test_what_cannot_work_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in mistake for mistake in mistakes_of(tmp_path, text))


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, ""), {})
    assert config.site.secret_key_file == tmp_path / "secret.key"
    assert config.database.url == f"sqlite:///{(tmp_path / 'newsletter.db').resolve()}"


def test_H03_secrets_come_from_outside_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("canary-secret\n")
    text = '[smtp]\nusername = "u"\npassword_file = "pw"\n'
    config = load_config(write(tmp_path, text), {})
    assert config.smtp.password.get_secret_value() == "canary-secret"
    assert "canary" not in str(masked(config)) and "canary" not in repr(config)
    config = load_config(
        write(tmp_path, '[smtp]\nusername = "u"'), {"NEWSLETTER_SMTP__PASSWORD": "canary-env"}
    )
    assert config.smtp.password.get_secret_value() == "canary-env"


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as e:
        load_config(tmp_path / "none.toml", {})
    assert "newsletter init" in e.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[web]\ntrusted_proxies = ["nonsense"]',
            "web.trusted_proxies.0: is neither an IP address nor a network",
        ),
        ("[delivery]\nretry = [-5]", "delivery.retry.0"),
        ("[limits]\nconfirmations_per_hour = -4", "limits.confirmations_per_hour"),
        ("[sources.huggingface]\ndays = -1", "sources.huggingface.days"),
        ("[sources.arxiv]\ninterval_s = -3", "sources.arxiv.interval_s"),
        ('[site]\nbase_url = "https://example.org/path?x"', "site.base_url: must end before any ?"),
    ],
)
def test_values_that_could_never_work_are_named(tmp_path: Path, text: str, says: str) -> None:
    assert any(mistake.startswith(says) for mistake in mistakes_of(tmp_path, text))


def test_a_proxys_network_is_taken(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, '[web]\ntrusted_proxies = ["10.0.0.0/8", "::1"]'), {})
    assert config.web.trusted_proxies == ("10.0.0.0/8", "::1")


def test_a_secret_that_is_no_token_is_not_quoted(tmp_path: Path) -> None:
    mistakes = mistakes_of(tmp_path, '[signals.github]\ntoken = "gh\\nkey"')
    assert mistakes == ["signals.github.token: must be one line of printable ASCII"]
